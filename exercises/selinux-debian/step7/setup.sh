#!/bin/bash
# What step 8 reads and completes; a learner who has it keeps what was written.
[ -e /root/peek.cil ] || cat > /root/peek.cil <<'END'
; A policy for /usr/local/bin/peek, in CIL, the language that semodule compiles.

; 1. New types: for the process, for the program's file, for the notes.
(type peek_t)
(type peek_exec_t)
(type peek_notes_t)
(roletype unconfined_r peek_t)
(roletype object_r peek_exec_t)
(roletype object_r peek_notes_t)

; 2. What every process and every file needs comes with these attributes (ld.so, libraries).
(typeattributeset domain (peek_t))
(typeattributeset file_type (peek_exec_t peek_notes_t))

; 3. The way in: who runs a peek_exec_t from unconfined_t gets into peek_t.
(typetransition unconfined_t peek_exec_t process peek_t)
(allow unconfined_t peek_t (process (transition)))
(allow peek_t peek_exec_t (file (entrypoint execute map read getattr open)))

; 4. Your terminal, and a pipe or file that your shell has opened.
(allow peek_t privfd (fd (use)))
(allow peek_t unconfined_t (fd (use)))
(allow peek_t user_devpts_t (chr_file (read write append getattr)))
(allow peek_t unconfined_t (fifo_file (write append getattr)))

; 5. Which files have these types.
(filecon "/usr/local/bin/peek" file (system_u object_r peek_exec_t ((s0) (s0))))
(filecon "/srv/notes(/.*)?" any (system_u object_r peek_notes_t ((s0) (s0))))

; 6. What it may read: this is yours to write.
END
