"""Which times suit: what is asked, what people answer, and which sessions serve most of them.

Everything here but ``desk`` is pure and knows nothing of IRC: words, values and moments in, values and words out.
"""
