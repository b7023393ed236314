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
    "Philadelphia": "America/New_York", "Pittsburgh": "America/New_York", "NYC": "America/New_York",
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
    "Florida": "America/New_York", "Charlotte": "America/New_York", "Texas": "America/Chicago",
    "Nashville": "America/Chicago", "California": "America/Los_Angeles", "Portland": "America/Los_Angeles",
    "Ontario": "America/Toronto", "Quebec": "America/Toronto", "St Louis": "America/Chicago",
    "New Orleans": "America/Chicago", "Salt Lake City": "America/Denver", "Washington DC": "America/New_York",
    "British Columbia": "America/Vancouver", "Belo Horizonte": "America/Sao_Paulo",
    "Porto Alegre": "America/Sao_Paulo", "The Hague": "Europe/Amsterdam",
}  # fmt: skip

COUNTRIES: dict[str, str] = {
    "UK": "GB", "England": "GB", "Scotland": "GB", "Wales": "GB", "Great Britain": "GB",
    "United Kingdom": "GB", "USA": "US", "America": "US", "Holland": "NL", "The Netherlands": "NL",
    "Czechia": "CZ", "South Korea": "KR", "North Korea": "KP", "Korea": "KR", "Burma": "MM",
    "Swaziland": "SZ", "Deutschland": "DE", "Espana": "ES", "Brasil": "BR", "UAE": "AE", "Turkiye": "TR",
    "Ivory Coast": "CI", "Samoa": "WS",
}  # fmt: skip
