"""The usual commands of other bots that live in IRC channels.  In a channel we leave them alone.

Collected from memory of these bots, and not complete: a word too many costs a hint about a misspelt command, a word too
few makes two bots answer.
"""

from __future__ import annotations

#: Bot -> the words after its prefix.
COMMANDS: dict[str, str] = {
    "Limnoria": """
        access acronym admin alias aka announce anonymous apropos at author autohelp ban bash black boom bug calc capability
        cbet channel channels ching choose command commands config connect convert cpustats cvoid danger date decode define
        dehalfop deop desc devoice dice dictionary dns do donate eightball elapsed encode exec factoid factoids feed fetch
        flip forget games geekquote get github google halfop hash headers help hex hexip identify ignore info insult intersect
        invite isup join karma kban kick last later length let lart list load lobotomy logs lower mode moobotfactoid more
        morse names network news nickauth nickometer note notes odds op owner part people ping plugin poll praise private
        protector pyfi quit quote quotegrabs quotes rank rate reconnect reload remind reply rot13 rpn rss say schedule search
        seconds seen send servers set shrink sing spell stats status size tell thesaurus threads time timer title todo topic
        translate unban undo unignore unix unload until upper url user version voice weather web whatis whois wikipedia
        wunderground wtf""",
    "Sopel, Willie, phenny, jenni": """
        action addtrace admonish announce approve ask auth away bash blocks bookie braille calc calculate chairs choice choose
        comments convert countdown countnick cur currency d define deny dice dict dns duck ddg ety etymology exchange f_ety
        fact findbug first flip forecast g gc getchannelformat getformat getsafeforwork getchanneltz getctz gettime
        gettimefmt gettimezone getchanneltimeformat gettz gify github google help hold imdb in instagram invite
        ip iplookup ipl isup isupinsecure join kb kickban kick length lmgtfy load log mangle mass me meetingname mod mode
        mojibake movie msg myinfo norris nuke part pc ping play points pronouns py quiet quit r radio rand rate reddit reload
        reminder remind remove restart roll safety save say scores search seen serve set setchanneltz setctz setjoinmsg setloc
        setlocation setpronouns setsafeforwork settimeformat settimezone settz sfw shorten showmask slap smile spell
        spellcheck stats startmeeting endmeeting subject suggest t tell temp throw time tld title tmask to topic tr translate
        tvs tv twit u unban unicode units unquiet update uptime url useractivity version voice w wa wea weather whereis whois wik
        wiki wikt wiktionary wolfram woeid xkcd yi youtube yt ytsearch ytinfo""",
    "Eggdrop and its scripts": """
        adduser addbot addop aop autoop ban bans bancycle botinfo bots bottop chanset channels chattr chinfo comebacks console
        cycle deop devoice dop down greet hello ident info invite join jump kick kickban kb lastspoke match mode motd newpass
        ninfo note notes op part pass peak place rehash reset restart save say seen seennick seenstats set stat stats sticks
        talk top10 top20 topic tops trout trivia unban unstick up update uptime users vbottree voice weather where whom who
        whois words wordstats""",
    "ChanServ in a channel (Atheme, Anope)": """
        access admin akick alist aop ban bantime bs chanserv clear clone count deadmin dehalfop dehop deop deowner deprotect
        devoice down entrymsg enforce fflags flags getkey halfop help hop info invite kb kick kickban list log mode modes
        moo op owner protect qop quiet recover register restrict seen seennick set sop status stop suspend sync taxonomy
        template topic topicappend topicprepend topicswap topicunlock unban unquiet unset unsuspend up version voice vop why""",
    "infobot, blootbot, factoid bots": """
        botmail bzbug chatstats convert debian define dict factinfo factstats find forget google infobot karma listkeys
        listvalues literal lock mute nickometer nslookup pause praise purldoc rot13 search seen slashdot spell tell topten uptime
        translate ubuntu unlock unmute weather wantsize""",
    "Ubottu, dpkg, package bots": """
        bug buginfo bugs changes depends dists file find fish getting guidelines info judd listkeys maintainer package
        packages paste pastebin policy popcon pocket provides rdepends rules show source sources src stable unstable
        testing versions whatsnew enter flood offtopic""",
    "MeetBot and Supybot meetings": """
        accept accepted action addchair agree agreed chair chairs commands endmeeting endvote halp help idea info link
        lurk meetingname meetingtopic nick reject rejected replay restrictlogs save showvote showvotes startmeeting startvote
        subtopic topic undo unchair unlurk vote""",
    "Stream and Discord bots bridged into IRC (Nightbot, Streamelements, MEE6, Dyno, Carl)": """
        accountage addcom addcommand afk avatar balance ban bet bits clip clips coins commands commercial dashboard
        daily delcom discord duel editcom filters followage following game giveaway gamble hug leaderboard level levels
        lurk marker membercount merch mods music mute nowplaying nuke participants pause permit play playlist points poll purge
        queue raffle raid rank regulars rep role roles roll scam serverinfo setgame settitle shoutout skip skips slots
        slowmode so song songs songrequest spin sr stream subs timeout title top twitch uptime userinfo voteskip viewers
        volume warn warnings watchtime winner work wrongsong""",
    "Bridges (matterbridge, discord-irc, Heisenbridge, teleirc)": """
        accountlist bridge bridges dm gateway here invite irc link listusers matrix members online ping plumb telegram unlink
        unplumb users who whoami""",
    "mIRC, HexChat and irssi scripts": """
        8ball add away back beer bomb cake coffee coin cookie cs dj fserve find fortune guess hack hi highscore hug joke
        kiss lag list listen love motd mp3 np nowplaying off on packlist players playing quote quotes randquote request
        roulette rules score scores search server sex size slap spin stats teamspeak top topic trivia ts tickle weather web
        welcome xdcc""",
    "CTF, game and karma bots": """
        answer attack battle bj buy cards category challenge characters character deal duck bef bang befriend
        fight guess hangman heal hint hints inventory items join leave level lives match mafia next pass play points pot
        questions reload repeat scramble score scores sell shop skip start stop strivia teams trade trivia uno vote votes
        wager werewolf wolf wordle""",
    "CI, GitHub and ops bots (hubot, Errbot, jenkins, zuul, stashbot)": """
        about apropos build builds bug ci commit deploy disconnect errors gerrit health hooks issue issues jenkins jobs
        log logmsgbot merge merged oncall pager ping plugins pr promote rebase recheck release restart retest         render_test repos repo review reviews rerun run runs shipit status success tag tags task tasks ticket tickets trigger
        tutorial uptime incident""",
    "Others that are common": """
        abuse adlist alarm apod ascii asn bitcoin bmi bored btc calculator cat cats chuck cve countries covid cowsay crypto
        currency cryptos decide dog doge dogecoin email emoji episode error eth facts fml food forecast fortune fucking
        gas geoip gif gold haiku holiday hostname horoscope image images imgur insult ipinfo isdown jargon jokes lastfm lunch
        manpage maps market mdn metar mock moon mvn nasdaq npm nyan pi pick pip pypi radar random recipe rfc rhyme
        roman rot sentiment sha256 sms sudo snack spotify steam stock stocks sunrise sunset synonym taf taco tea timezone toss
        traceroute tvshow tweet twitter ud udict urban urbandict urbandictionary useragent user vim virus wikipedia worldtime
        wotd yell zen zip zodiac""",
}

#: All of these words.
WORDS = frozenset(word for words in COMMANDS.values() for word in words.split())
