"""Place names that people type but the tz database lacks, and which zones to offer first.

The tz database names a zone after its largest city only (theory.html, "Timezone identifiers").
"""

from __future__ import annotations

# By population, per part of the world; offered first if several zones match.
WELL_KNOWN: tuple[str, ...] = (
    "Europe/London", "Europe/Berlin", "Europe/Paris", "Europe/Athens", "Europe/Helsinki",
    "Europe/Moscow", "Europe/Istanbul", "Africa/Lagos", "Africa/Johannesburg", "Africa/Nairobi",
    "Africa/Cairo", "Asia/Dubai", "Asia/Tehran", "Asia/Karachi", "Asia/Kolkata", "Asia/Dhaka",
    "Asia/Bangkok", "Asia/Jakarta", "Asia/Shanghai", "Asia/Singapore", "Asia/Manila", "Asia/Tokyo",
    "Asia/Seoul", "Australia/Melbourne", "Australia/Sydney", "Australia/Brisbane",
    "Australia/Adelaide", "Australia/Perth", "Pacific/Auckland", "America/New_York",
    "America/Chicago", "America/Denver", "America/Los_Angeles", "America/Phoenix",
    "America/Anchorage", "Pacific/Honolulu", "America/Toronto", "America/Halifax",
    "America/Mexico_City", "America/Bogota", "America/Sao_Paulo", "America/Argentina/Buenos_Aires",
)  # fmt: skip

#: What most people mean who write PST or CST, although more people live in other zones that have them.
MEANT_FIRST = ("America/Los_Angeles", "America/Chicago")

CITIES: dict[str, str] = {
    "Canberra": "Australia/Sydney", "Gold Coast": "Australia/Brisbane", "Wellington": "Pacific/Auckland",
    "Christchurch": "Pacific/Auckland", "Mumbai": "Asia/Kolkata", "Bombay": "Asia/Kolkata",
    "Delhi": "Asia/Kolkata", "New Delhi": "Asia/Kolkata", "Bangalore": "Asia/Kolkata",
    "Bengaluru": "Asia/Kolkata", "Chennai": "Asia/Kolkata", "Hyderabad": "Asia/Kolkata",
    "Pune": "Asia/Kolkata", "Beijing": "Asia/Shanghai", "Shenzhen": "Asia/Shanghai",
    "Guangzhou": "Asia/Shanghai", "Osaka": "Asia/Tokyo", "Kyoto": "Asia/Tokyo", "Hanoi": "Asia/Bangkok",
    "Saigon": "Asia/Ho_Chi_Minh", "Abu Dhabi": "Asia/Dubai", "Tel Aviv": "Asia/Jerusalem",
    "Islamabad": "Asia/Karachi", "Lahore": "Asia/Karachi", "Ankara": "Europe/Istanbul",
    "St Petersburg": "Europe/Moscow", "Munich": "Europe/Berlin", "Hamburg": "Europe/Berlin",
    "Frankfurt": "Europe/Berlin", "Cologne": "Europe/Berlin", "Geneva": "Europe/Zurich",
    "Bern": "Europe/Zurich", "Basel": "Europe/Zurich", "Milan": "Europe/Rome", "Barcelona": "Europe/Madrid",
    "Lyon": "Europe/Paris", "Krakow": "Europe/Warsaw", "Brno": "Europe/Prague", "Porto": "Europe/Lisbon",
    "Manchester": "Europe/London", "Edinburgh": "Europe/London", "Cambridge": "Europe/London",
    "Cape Town": "Africa/Johannesburg", "Abuja": "Africa/Lagos", "Boston": "America/New_York",
    "Washington": "America/New_York", "Atlanta": "America/New_York", "Miami": "America/New_York",
    "Philadelphia": "America/New_York", "Pittsburgh": "America/New_York", "NYC": "America/New_York", "New York City": "America/New_York",
    "Dallas": "America/Chicago", "Houston": "America/Chicago", "Austin": "America/Chicago",
    "Minneapolis": "America/Chicago", "San Francisco": "America/Los_Angeles",
    "Seattle": "America/Los_Angeles", "San Diego": "America/Los_Angeles", "LA": "America/Los_Angeles",
    "Las Vegas": "America/Los_Angeles", "Ottawa": "America/Toronto", "Calgary": "America/Edmonton",
    "Rio de Janeiro": "America/Sao_Paulo", "Brasilia": "America/Sao_Paulo",
    "Koln": "Europe/Berlin", "Munchen": "Europe/Berlin", "Nurnberg": "Europe/Berlin", "Stuttgart": "Europe/Berlin",
    "Dusseldorf": "Europe/Berlin", "Leipzig": "Europe/Berlin", "Dresden": "Europe/Berlin",
    "Bremen": "Europe/Berlin", "Hannover": "Europe/Berlin", "Wien": "Europe/Vienna", "Graz": "Europe/Vienna",
    "Linz": "Europe/Vienna", "Praha": "Europe/Prague", "Gdansk": "Europe/Warsaw", "Wroclaw": "Europe/Warsaw",
    "Roma": "Europe/Rome", "Milano": "Europe/Rome", "Turin": "Europe/Rome", "Naples": "Europe/Rome",
    "Lisboa": "Europe/Lisbon", "Geneve": "Europe/Zurich", "Lausanne": "Europe/Zurich", "Glasgow": "Europe/London",
    "Leeds": "Europe/London", "Birmingham": "Europe/London", "Liverpool": "Europe/London",
    "Bristol": "Europe/London", "Oxford": "Europe/London", "Marseille": "Europe/Paris", "Toulouse": "Europe/Paris",
    "Grenoble": "Europe/Paris", "Valencia": "Europe/Madrid", "Seville": "Europe/Madrid",
    "Rotterdam": "Europe/Amsterdam", "Utrecht": "Europe/Amsterdam", "Antwerp": "Europe/Brussels",
    "Ghent": "Europe/Brussels", "Gothenburg": "Europe/Stockholm", "Malmo": "Europe/Stockholm",
    "Aarhus": "Europe/Copenhagen", "Bergen": "Europe/Oslo", "Trondheim": "Europe/Oslo",
    "Thessaloniki": "Europe/Athens", "Haifa": "Asia/Jerusalem", "Izmir": "Europe/Istanbul",
    "Ahmedabad": "Asia/Kolkata", "Kochi": "Asia/Kolkata", "Nagoya": "Asia/Tokyo", "Sapporo": "Asia/Tokyo",
    "Fukuoka": "Asia/Tokyo", "Yokohama": "Asia/Tokyo", "Busan": "Asia/Seoul", "Chengdu": "Asia/Shanghai",
    "Wuhan": "Asia/Shanghai", "Hangzhou": "Asia/Shanghai", "Nanjing": "Asia/Shanghai",
    "Ballarat": "Australia/Melbourne", "Geelong": "Australia/Melbourne", "Bendigo": "Australia/Melbourne",
    "Wollongong": "Australia/Sydney", "Townsville": "Australia/Brisbane", "Cairns": "Australia/Brisbane",
    "Durban": "Africa/Johannesburg", "Pretoria": "Africa/Johannesburg", "Alexandria": "Africa/Cairo",
    "Rabat": "Africa/Casablanca", "Marrakesh": "Africa/Casablanca", "Guadalajara": "America/Mexico_City",
    "Medellin": "America/Bogota", "Curitiba": "America/Sao_Paulo", "NY": "America/New_York",
    "Charlotte": "America/New_York",
    "Nashville": "America/Chicago", "Portland": "America/Los_Angeles",
    "Quebec": "America/Toronto", "St Louis": "America/Chicago",
    "New Orleans": "America/Chicago", "Salt Lake City": "America/Denver", "Washington DC": "America/New_York",
    "Belo Horizonte": "America/Sao_Paulo",
    "Porto Alegre": "America/Sao_Paulo", "The Hague": "Europe/Amsterdam", "Arhus": "Europe/Copenhagen",
    "Odense": "Europe/Copenhagen", "Alborg": "Europe/Copenhagen", "Goteborg": "Europe/Stockholm",
    "Uppsala": "Europe/Stockholm", "Stavanger": "Europe/Oslo", "Tromso": "Europe/Oslo", "Bodo": "Europe/Oslo",
    "Alesund": "Europe/Oslo", "Tampere": "Europe/Helsinki", "Turku": "Europe/Helsinki", "Torshavn": "Atlantic/Faroe",
    "Lodz": "Europe/Warsaw", "Poznan": "Europe/Warsaw", "Bialystok": "Europe/Warsaw", "Katowice": "Europe/Warsaw",
    "Lublin": "Europe/Warsaw", "Szczecin": "Europe/Warsaw", "Eskisehir": "Europe/Istanbul",
    "Diyarbakir": "Europe/Istanbul", "Da Nang": "Asia/Ho_Chi_Minh", "Kobenhavn": "Europe/Copenhagen", "Warszawa": "Europe/Warsaw",
    "Bruxelles": "Europe/Brussels", "Bucuresti": "Europe/Bucharest", "Beograd": "Europe/Belgrade",
    "Moskva": "Europe/Moscow", "Firenze": "Europe/Rome", "Venezia": "Europe/Rome", "Napoli": "Europe/Rome",
    "Torino": "Europe/Rome", "Sevilla": "Europe/Madrid", "Luzern": "Europe/Zurich",
    "Kansas City": "America/Chicago", "Santiago de Chile": "America/Santiago", "DC": "America/New_York",
    "Doha": "Asia/Qatar", "Kuwait City": "Asia/Kuwait", "Sanaa": "Asia/Aden", "Ho Chi Minh City": "Asia/Ho_Chi_Minh",
    "Ha Noi": "Asia/Bangkok", "Hai Phong": "Asia/Bangkok", "Ciudad de Mexico": "America/Mexico_City",
    "Rio": "America/Sao_Paulo", "Odesa": "Europe/Kyiv", "Odessa": "Europe/Kyiv", "Kharkiv": "Europe/Kyiv",
    "Lviv": "Europe/Kyiv", "Tirana": "Europe/Tirane", "Pristina": "Europe/Belgrade", "Prishtina": "Europe/Belgrade",
    "Nis": "Europe/Belgrade", "Kosice": "Europe/Bratislava", "Plzen": "Europe/Prague", "Ostrava": "Europe/Prague",
    "Gyor": "Europe/Budapest", "Debrecen": "Europe/Budapest", "Iasi": "Europe/Bucharest",
    "Timisoara": "Europe/Bucharest", "Cluj": "Europe/Bucharest", "Cluj Napoca": "Europe/Bucharest",
    "Tartu": "Europe/Tallinn", "Kaunas": "Europe/Vilnius", "Jyvaskyla": "Europe/Helsinki", "Oulu": "Europe/Helsinki",
    "Akureyri": "Atlantic/Reykjavik", "Ramallah": "Asia/Hebron", "Denpasar": "Asia/Makassar", "Lhasa": "Asia/Shanghai",
    # capitals after which the tz database names no zone, then other cities of more than a million people
    "Andorra la Vella": "Europe/Andorra", "Manama": "Asia/Bahrain", "Bridgetown": "America/Barbados",
    "Belmopan": "America/Belize", "Cotonou": "Africa/Porto-Novo", "Sucre": "America/La_Paz",
    "Gitega": "Africa/Bujumbura", "Yaounde": "Africa/Douala", "Praia": "Atlantic/Cape_Verde",
    "Moroni": "Indian/Comoro", "Yamoussoukro": "Africa/Abidjan", "Roseau": "America/Dominica",
    "Quito": "America/Guayaquil", "San Salvador": "America/El_Salvador", "Suva": "Pacific/Fiji",
    "Guatemala City": "America/Guatemala", "Georgetown": "America/Guyana", "Kingston": "America/Jamaica",
    "Astana": "Asia/Almaty", "Nur Sultan": "Asia/Almaty", "Lilongwe": "Africa/Blantyre", "Male": "Indian/Maldives",
    "Valletta": "Europe/Malta", "Port Louis": "Indian/Mauritius", "Palikir": "Pacific/Pohnpei",
    "Naypyidaw": "Asia/Yangon", "Panama City": "America/Panama", "Castries": "America/St_Lucia",
    "Kingstown": "America/St_Vincent", "Honiara": "Pacific/Guadalcanal", "Dodoma": "Africa/Dar_es_Salaam",
    "Nuku'alofa": "Pacific/Tongatapu", "Port Vila": "Pacific/Efate", "Basseterre": "America/St_Kitts",
    "St George's": "America/Grenada", "Ngerulmud": "Pacific/Palau",
    "Yaren": "Pacific/Nauru", "Jeddah": "Asia/Riyadh", "Mecca": "Asia/Riyadh", "Kano": "Africa/Lagos",
    "Ibadan": "Africa/Lagos", "Mombasa": "Africa/Nairobi", "Kumasi": "Africa/Accra", "Faisalabad": "Asia/Karachi",
    "Rawalpindi": "Asia/Karachi", "Peshawar": "Asia/Karachi", "Chittagong": "Asia/Dhaka", "Jaipur": "Asia/Kolkata",
    "Lucknow": "Asia/Kolkata", "Nagpur": "Asia/Kolkata", "Surabaya": "Asia/Jakarta", "Bandung": "Asia/Jakarta",
    "Medan": "Asia/Jakarta", "Cebu": "Asia/Manila", "Davao": "Asia/Manila", "Quezon City": "Asia/Manila",
    "Kaohsiung": "Asia/Taipei", "Tianjin": "Asia/Shanghai", "Xi'an": "Asia/Shanghai", "Shenyang": "Asia/Shanghai",
    "Daegu": "Asia/Seoul", "Incheon": "Asia/Seoul", "Kobe": "Asia/Tokyo", "Hiroshima": "Asia/Tokyo",
    "Sendai": "Asia/Tokyo", "Kazan": "Europe/Moscow", "Nizhny Novgorod": "Europe/Moscow", "Krasnodar": "Europe/Moscow",
    "Chelyabinsk": "Asia/Yekaterinburg", "Dnipro": "Europe/Kyiv", "Sheffield": "Europe/London", "Cardiff": "Europe/London",
    "Nottingham": "Europe/London", "Lille": "Europe/Paris", "Bordeaux": "Europe/Paris", "Strasbourg": "Europe/Paris",
    "Nantes": "Europe/Paris", "Dortmund": "Europe/Berlin", "Karlsruhe": "Europe/Berlin", "Mannheim": "Europe/Berlin",
    "Salzburg": "Europe/Vienna", "Innsbruck": "Europe/Vienna", "Bologna": "Europe/Rome", "Florence": "Europe/Rome",
    "Genoa": "Europe/Rome", "Palermo": "Europe/Rome", "Zaragoza": "Europe/Madrid", "Malaga": "Europe/Madrid",
    "Bilbao": "Europe/Madrid", "Eindhoven": "Europe/Amsterdam", "Liege": "Europe/Brussels", "Leuven": "Europe/Brussels",
    "Linkoping": "Europe/Stockholm", "Espoo": "Europe/Helsinki", "Plovdiv": "Europe/Sofia", "Novi Sad": "Europe/Belgrade",
    "Baltimore": "America/New_York", "Cleveland": "America/New_York", "Cincinnati": "America/New_York",
    "Raleigh": "America/New_York", "Tampa": "America/New_York", "Orlando": "America/New_York",
    "Jacksonville": "America/New_York", "Milwaukee": "America/Chicago", "San Antonio": "America/Chicago",
    "Fort Worth": "America/Chicago", "Oklahoma City": "America/Chicago", "Memphis": "America/Chicago",
    "El Paso": "America/Denver", "Tucson": "America/Phoenix", "Sacramento": "America/Los_Angeles",
    "Oakland": "America/Los_Angeles", "Puebla": "America/Mexico_City", "Cali": "America/Bogota",
    "Maracaibo": "America/Caracas", "Valparaiso": "America/Santiago", "Arequipa": "America/Lima",
    "Florianopolis": "America/Sao_Paulo", "Saskatoon": "America/Regina", "Dunedin": "Pacific/Auckland",
    "Launceston": "Australia/Hobart", "Alice Springs": "Australia/Darwin",
    "EST5EDT": "America/New_York", "CST6CDT": "America/Chicago", "MST7MDT": "America/Denver",
    "PST8PDT": "America/Los_Angeles",
}  # fmt: skip

COUNTRIES: dict[str, str] = {
    "UK": "GB", "England": "GB", "Scotland": "GB", "Wales": "GB", "Great Britain": "GB",
    "United Kingdom": "GB", "USA": "US", "America": "US", "Holland": "NL", "The Netherlands": "NL",
    "Czechia": "CZ", "South Korea": "KR", "North Korea": "KP", "Korea": "KR", "Burma": "MM",
    "Swaziland": "SZ", "Deutschland": "DE", "Espana": "ES", "Brasil": "BR", "UAE": "AE", "Turkiye": "TR",
    "Ivory Coast": "CI", "Samoa": "WS", "Northern Ireland": "GB",
    "Osterreich": "AT", "Schweiz": "CH", "Suisse": "CH", "Svizzera": "CH", "Italia": "IT", "Polska": "PL",
    "Sverige": "SE", "Danmark": "DK", "Norge": "NO", "Suomi": "FI", "Cesko": "CZ", "Slovensko": "SK",
    "Magyarorszag": "HU", "Hrvatska": "HR", "Srbija": "RS", "Slovenija": "SI", "Nederland": "NL", "Belgie": "BE",
    "Belgique": "BE", "Eesti": "EE", "Latvija": "LV", "Lietuva": "LT", "Eire": "IE",
    "DRC": "CD", "Democratic Republic of the Congo": "CD",
    "American Samoa": "AS", "Western Samoa": "WS", "Aland": "AX",
}  # fmt: skip


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Words that say where in a region, or ordinary words: they name no place by themselves.
NO_REGIONS = _words(
    "and area areas bank border cape cat center central christmas coast continental east easter eat except "
    "general island islands line lord mainland midway most new norfolk north northeast northern northwest of park "
    "pole region river rural sea society south southeast southern southwest st strip territory the time troll "
    "wake west wit"
)
# Nor are these cities (US/Pacific); people say them of a part of a country, which zone.tab's comments name.
NO_CITIES = NO_REGIONS | _words("atlantic eastern mountain pacific western")
# ISO codes that are words as well: "me" is rarely Montenegro.
SMALL_WORDS = _words("ad am as at be by do id in is it ma me mr my no om pm sa so to tv")

# Parts of countries, as people write them after a city: the zones in use there (zone.tab, its comments).
_NY, _CHI, _DEN, _LAX = "America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles"
_TOR, _EDM = "America/Toronto", "America/Edmonton"
_PARTS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Connecticut CT, Delaware DE, Georgia GA, Maine ME, Maryland MD, Massachusetts MA, New Hampshire NH, New Jersey NJ, "
     "New York NY, North Carolina NC, Ohio OH, Pennsylvania PA, Rhode Island RI, South Carolina SC, Vermont VT, "
     "Virginia VA, West Virginia WV, District of Columbia DC", (_NY,)),
    ("Alabama AL, Arkansas AR, Illinois IL, Iowa IA, Louisiana LA, Minnesota MN, Mississippi MS, Missouri MO, Oklahoma OK, "
     "Wisconsin WI", (_CHI,)),
    ("Colorado CO, Montana MT, New Mexico NM, Utah UT, Wyoming WY", (_DEN,)),
    ("California CA, Nevada NV, Washington WA, Washington State WA", (_LAX,)),
    ("Texas TX, Kansas KS, Nebraska NE, North Dakota ND, South Dakota SD", (_CHI, _DEN)),
    ("Florida FL", (_NY, _CHI)), ("Tennessee TN", (_CHI, _NY)), ("Oregon OR", (_LAX, "America/Boise")),
    ("Idaho ID", ("America/Boise", _LAX)), ("Michigan MI", ("America/Detroit", "America/Menominee")),
    ("Indiana IN", ("America/Indiana/Indianapolis", _CHI)), ("Arizona AZ", ("America/Phoenix",)),
    ("Kentucky KY", (_NY, "America/Kentucky/Louisville", _CHI)), ("Hawaii HI", ("Pacific/Honolulu",)),
    ("Alaska AK", ("America/Anchorage", "America/Juneau", "America/Nome", "America/Sitka", "America/Adak")),
    ("Ontario ON", (_TOR, "America/Winnipeg", "America/Atikokan")), ("Quebec QC", (_TOR, "America/Blanc-Sablon")),
    ("Nova Scotia NS", ("America/Halifax", "America/Glace_Bay")), ("New Brunswick NB", ("America/Moncton",)),
    ("Prince Edward Island PE, PEI PE", ("America/Halifax",)), ("Manitoba MB", ("America/Winnipeg",)),
    ("Newfoundland NL", ("America/St_Johns",)), ("Labrador NL", ("America/Goose_Bay", "America/St_Johns")),
    ("Saskatchewan SK", ("America/Regina", "America/Swift_Current", _EDM)), ("Alberta AB", (_EDM,)),
    ("British Columbia BC", ("America/Vancouver", _EDM, "America/Creston", "America/Dawson_Creek", "America/Fort_Nelson")),
    ("Yukon YT", ("America/Whitehorse", "America/Dawson")), ("Northwest Territories NT", (_EDM, "America/Inuvik")),
    ("Nunavut NU", ("America/Iqaluit", "America/Rankin_Inlet", "America/Resolute", "America/Cambridge_Bay",
                    "America/Atikokan")),
    ("New South Wales NSW", ("Australia/Sydney", "Australia/Broken_Hill")), ("Victoria VIC", ("Australia/Melbourne",)),
    ("Queensland QLD", ("Australia/Brisbane", "Australia/Lindeman")), ("Tasmania TAS", ("Australia/Hobart",)),
    ("South Australia SA", ("Australia/Adelaide",)), ("Northern Territory NT", ("Australia/Darwin",)),
    ("Western Australia WA", ("Australia/Perth", "Australia/Eucla")),
    ("Australian Capital Territory ACT", ("Australia/Sydney",)),
)  # fmt: skip


def _parts() -> tuple[dict[str, tuple[str, ...]], dict[str, tuple[str, ...]]]:
    named: dict[str, tuple[str, ...]] = {}
    coded: dict[str, tuple[str, ...]] = {}
    for group, zones in _PARTS:
        for part in group.split(", "):
            name, _, code = part.rpartition(" ")
            named[name] = zones
            coded[code] = tuple(dict.fromkeys((*coded.get(code, ()), *zones)))
    return named, coded


REGIONS, REGION_CODES = _parts()
"""Name, and code (``WA`` is two regions) -> zones."""

# Abbreviations that the tz database gave up (its news of 2017) and that people still use.
ABBREVIATIONS: dict[str, str] = {
    "SGT": "Asia/Singapore", "MYT": "Asia/Kuala_Lumpur", "ICT": "Asia/Bangkok", "PHT": "Asia/Manila",
    "GST": "Asia/Dubai", "NPT": "Asia/Kathmandu", "IRST": "Asia/Tehran", "UZT": "Asia/Tashkent",
    "TRT": "Europe/Istanbul", "BRT": "America/Sao_Paulo", "CLT": "America/Santiago", "CLST": "America/Santiago",
    "ACWST": "Australia/Eucla", "LHST": "Australia/Lord_Howe", "CHAST": "Pacific/Chatham", "CHADT": "Pacific/Chatham",
}  # fmt: skip

# Cities of one name with different clocks, none of them far larger, and what is both a country's code and a time there.
NAMESAKES: dict[str, tuple[str, ...]] = {
    "ET": ("America/New_York", "Africa/Addis_Ababa"), "CT": ("America/Chicago",),
    "MT": ("America/Denver", "Europe/Malta"), "PT": ("America/Los_Angeles", "Europe/Lisbon"),
    "Victoria": ("Australia/Melbourne", "America/Vancouver"),
    "San Jose": ("America/Los_Angeles", "America/Costa_Rica"),
}  # fmt: skip
