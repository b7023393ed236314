-- What the code of 0.1.0 left behind after a class: played with the dialog tests' stage of that version (tests/stage.py), on a
-- database made by its migrations: time zones, a key, a rehearsal, sessions, sign-ups, a poll, a class with two labs on a
-- host that was lost, questions of each state, a quiz, a second class.  Indexes and triggers come last, as in sqlite3's .dump.
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
CREATE TABLE lab (
	id VARCHAR(36) NOT NULL, 
	name TEXT NOT NULL, 
	image TEXT NOT NULL, 
	mode VARCHAR(20) NOT NULL, 
	host TEXT NOT NULL, 
	state VARCHAR(20) NOT NULL, 
	port INTEGER NOT NULL, 
	address TEXT NOT NULL, 
	ssh_port INTEGER NOT NULL, 
	tries INTEGER NOT NULL, 
	fault TEXT NOT NULL, 
	made_at VARCHAR(27) NOT NULL, 
	state_at VARCHAR(27) NOT NULL, seat INTEGER DEFAULT '0' NOT NULL, boots INTEGER DEFAULT '0' NOT NULL, stops INTEGER DEFAULT '0' NOT NULL, run TEXT DEFAULT '' NOT NULL, checked_at VARCHAR(27), saved_at VARCHAR(27), 
	PRIMARY KEY (id)
);
CREATE TABLE person (
	id INTEGER NOT NULL, 
	account TEXT, 
	mask TEXT, 
	nick TEXT NOT NULL, 
	zone TEXT NOT NULL, 
	in_view BOOLEAN NOT NULL, 
	seen_at VARCHAR(27) NOT NULL, nolog BOOLEAN DEFAULT '0' NOT NULL, 
	PRIMARY KEY (id)
);
CREATE TABLE session (
	uid TEXT NOT NULL, 
	title TEXT NOT NULL, 
	start VARCHAR(27) NOT NULL, 
	zone TEXT NOT NULL, 
	value TEXT NOT NULL, 
	revision TEXT NOT NULL, 
	cancelled BOOLEAN NOT NULL, 
	changed_at VARCHAR(27) NOT NULL, sequence INTEGER DEFAULT '0' NOT NULL, draft BOOLEAN DEFAULT '0' NOT NULL, 
	PRIMARY KEY (uid)
);
CREATE TABLE setting (
	name VARCHAR(40) NOT NULL, 
	value TEXT NOT NULL, 
	PRIMARY KEY (name)
);
CREATE TABLE class (
	id INTEGER NOT NULL, 
	channel TEXT NOT NULL, 
	session_uid TEXT NOT NULL, 
	exercise TEXT NOT NULL, 
	title TEXT NOT NULL, 
	presenter_id INTEGER NOT NULL, 
	presenter TEXT NOT NULL, 
	step INTEGER NOT NULL, 
	steps INTEGER NOT NULL, 
	step_at VARCHAR(27) NOT NULL, 
	minutes TEXT NOT NULL, 
	started_at VARCHAR(27) NOT NULL, 
	ended_at VARCHAR(27), minutes_at VARCHAR(27), told INTEGER DEFAULT '0' NOT NULL, told_at VARCHAR(27), lecture BOOLEAN DEFAULT '0' NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(presenter_id) REFERENCES person (id)
);
CREATE TABLE lease (
	id INTEGER NOT NULL, 
	person_id INTEGER NOT NULL, 
	image TEXT NOT NULL, 
	mode VARCHAR(20) NOT NULL, 
	lab_id VARCHAR(36), 
	left_id VARCHAR(36), 
	digest TEXT NOT NULL, 
	asked_at VARCHAR(27) NOT NULL, 
	expires_at VARCHAR(27) NOT NULL, 
	warned_at VARCHAR(27), 
	ended_at VARCHAR(27), 
	ended_why TEXT NOT NULL, session TEXT DEFAULT '' NOT NULL, offered TEXT DEFAULT '' NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(lab_id) REFERENCES lab (id), 
	FOREIGN KEY(left_id) REFERENCES lab (id), 
	FOREIGN KEY(person_id) REFERENCES person (id)
);
CREATE TABLE notice (
	id INTEGER NOT NULL, 
	"key" TEXT, 
	person_id INTEGER, 
	channel TEXT, 
	kind TEXT NOT NULL, 
	subject TEXT NOT NULL, 
	text TEXT NOT NULL, 
	due_at VARCHAR(27) NOT NULL, 
	not_after VARCHAR(27), 
	said_at VARCHAR(27), 
	PRIMARY KEY (id), 
	FOREIGN KEY(person_id) REFERENCES person (id), 
	UNIQUE ("key")
);
CREATE TABLE public_key (
	id INTEGER NOT NULL, 
	person_id INTEGER NOT NULL, 
	"key" TEXT NOT NULL, 
	added_at VARCHAR(27) NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(person_id) REFERENCES person (id)
);
CREATE TABLE attendance (
	class_id INTEGER NOT NULL, 
	person_id INTEGER NOT NULL, 
	nick TEXT NOT NULL, 
	step INTEGER NOT NULL, 
	stuck_at VARCHAR(27), 
	stuck_words TEXT NOT NULL, 
	hints INTEGER NOT NULL, 
	since VARCHAR(27) NOT NULL, helper TEXT DEFAULT '' NOT NULL, lab_id TEXT DEFAULT '' NOT NULL, behind INTEGER DEFAULT '0' NOT NULL, 
	PRIMARY KEY (class_id, person_id), 
	FOREIGN KEY(class_id) REFERENCES class (id), 
	FOREIGN KEY(person_id) REFERENCES person (id)
);
CREATE TABLE done (
	class_id INTEGER NOT NULL, 
	person_id INTEGER NOT NULL, 
	step INTEGER NOT NULL, 
	at VARCHAR(27) NOT NULL, 
	PRIMARY KEY (class_id, person_id, step), 
	FOREIGN KEY(class_id) REFERENCES class (id), 
	FOREIGN KEY(person_id) REFERENCES person (id)
);
CREATE TABLE entry (
	id INTEGER NOT NULL, 
	class_id INTEGER, 
	channel TEXT NOT NULL, 
	at VARCHAR(27) NOT NULL, 
	kind TEXT NOT NULL, 
	nick TEXT NOT NULL, 
	text TEXT NOT NULL, person_id INTEGER REFERENCES person (id), 
	PRIMARY KEY (id), 
	FOREIGN KEY(class_id) REFERENCES class (id)
);
CREATE TABLE question (
	id INTEGER NOT NULL, 
	class_id INTEGER, 
	channel TEXT NOT NULL, 
	person_id INTEGER NOT NULL, 
	nick TEXT NOT NULL, 
	step INTEGER NOT NULL, 
	words TEXT NOT NULL, 
	state VARCHAR(20) NOT NULL, 
	asked_at VARCHAR(27) NOT NULL, anonymous BOOLEAN NOT NULL DEFAULT '0', image TEXT NOT NULL DEFAULT '', votes INTEGER NOT NULL DEFAULT '0', merged_into INTEGER REFERENCES question(id), answer TEXT NOT NULL DEFAULT '', 
	PRIMARY KEY (id), 
	FOREIGN KEY(class_id) REFERENCES class (id), 
	FOREIGN KEY(person_id) REFERENCES person (id)
);
CREATE TABLE question_event (
	id INTEGER NOT NULL, 
	question_id INTEGER NOT NULL, 
	at VARCHAR(27) NOT NULL, 
	person_id INTEGER NOT NULL, 
	nick TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	words TEXT NOT NULL, about_id INTEGER REFERENCES question_event(id), 
	PRIMARY KEY (id), 
	FOREIGN KEY(person_id) REFERENCES person (id), 
	FOREIGN KEY(question_id) REFERENCES question (id)
);
CREATE TABLE signup (
	session_uid TEXT NOT NULL, 
	person_id INTEGER NOT NULL, 
	image TEXT NOT NULL, 
	at VARCHAR(27) NOT NULL, waiting BOOLEAN DEFAULT '0' NOT NULL, 
	PRIMARY KEY (session_uid, person_id), 
	FOREIGN KEY(person_id) REFERENCES person (id)
);
CREATE TABLE home (
	person_id INTEGER NOT NULL, 
	image TEXT NOT NULL, 
	since VARCHAR(27) NOT NULL, 
	PRIMARY KEY (person_id), 
	FOREIGN KEY(person_id) REFERENCES person (id)
);
CREATE TABLE poll (
	id INTEGER NOT NULL, 
	channel TEXT NOT NULL, 
	title TEXT NOT NULL, 
	zone TEXT NOT NULL, 
	first_day TEXT NOT NULL, 
	last_day TEXT NOT NULL, 
	person_id INTEGER NOT NULL, 
	window_from INTEGER NOT NULL, 
	window_to INTEGER NOT NULL, 
	minutes INTEGER NOT NULL, 
	most INTEGER NOT NULL, 
	step INTEGER NOT NULL, 
	opened_at VARCHAR(27) NOT NULL, 
	closes_at VARCHAR(27) NOT NULL, 
	closed_at VARCHAR(27), 
	result TEXT NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(person_id) REFERENCES person (id)
);
CREATE TABLE poll_line (
	id INTEGER NOT NULL, 
	poll_id INTEGER NOT NULL, 
	person_id INTEGER NOT NULL, 
	zone TEXT NOT NULL, 
	words TEXT NOT NULL, 
	at VARCHAR(27) NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(person_id) REFERENCES person (id), 
	FOREIGN KEY(poll_id) REFERENCES poll (id)
);
CREATE TABLE channel (
	name TEXT NOT NULL, 
	topic TEXT NOT NULL, 
	base TEXT NOT NULL, 
	quiet TEXT NOT NULL, 
	voiced TEXT NOT NULL, 
	PRIMARY KEY (name)
);
CREATE TABLE ignored (
	id INTEGER NOT NULL, 
	person_id INTEGER NOT NULL, 
	nick TEXT NOT NULL, 
	at VARCHAR(27) NOT NULL, 
	by_id INTEGER NOT NULL, 
	by_nick TEXT NOT NULL, 
	ended_at VARCHAR(27), 
	ended_by TEXT NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(person_id) REFERENCES person (id), 
	FOREIGN KEY(by_id) REFERENCES person (id)
);
CREATE TABLE question_word (
	id INTEGER NOT NULL, 
	word TEXT NOT NULL, 
	PRIMARY KEY (id)
);
CREATE VIRTUAL TABLE question_fts USING fts5(words, answer, content='question', content_rowid='id', tokenize='porter unicode61 remove_diacritics 2');
CREATE VIRTUAL TABLE entry_fts USING fts5(text, content='entry', content_rowid='id', tokenize='porter unicode61 remove_diacritics 2');
CREATE VIRTUAL TABLE word_fts USING fts5(word, content='question_word', content_rowid='id', tokenize='trigram');
CREATE TABLE play (
	id INTEGER NOT NULL, 
	class_id INTEGER NOT NULL, 
	person_id INTEGER NOT NULL, 
	lab_id VARCHAR(36) NOT NULL, 
	step INTEGER NOT NULL, 
	kind VARCHAR(20) NOT NULL, 
	state VARCHAR(20) NOT NULL, 
	due_at VARCHAR(27) NOT NULL, 
	tries INTEGER DEFAULT '0' NOT NULL, 
	said TEXT NOT NULL, 
	ended_at VARCHAR(27), 
	PRIMARY KEY (id), 
	FOREIGN KEY(class_id) REFERENCES class (id), 
	FOREIGN KEY(person_id) REFERENCES person (id), 
	FOREIGN KEY(lab_id) REFERENCES lab (id)
);
CREATE TABLE quiz (
	id INTEGER NOT NULL, 
	channel TEXT NOT NULL, 
	words TEXT NOT NULL, 
	answer TEXT NOT NULL, 
	asker TEXT NOT NULL, 
	asked_at VARCHAR(27) NOT NULL, 
	drawn_at VARCHAR(27), 
	PRIMARY KEY (id)
);
CREATE TABLE quiz_try (
	quiz_id INTEGER NOT NULL, 
	person_id INTEGER NOT NULL, 
	nick TEXT NOT NULL, 
	tries INTEGER NOT NULL, 
	"right" BOOLEAN DEFAULT '0' NOT NULL, 
	PRIMARY KEY (quiz_id, person_id), 
	FOREIGN KEY(quiz_id) REFERENCES quiz (id), 
	FOREIGN KEY(person_id) REFERENCES person (id)
);

INSERT INTO "alembic_version" VALUES('0009');

INSERT INTO "lab" VALUES('0fad1ea9-3b7c-423f-a8cf-9859d7d700d2', 'tb-debian-0fad1ea9', 'debian', 'enforcing', 'xen1', 'left', 0, '127.0.0.1', 20000, 0, '', '2026-11-27T08:00:00.000000Z', '2026-11-27T08:18:15.000000Z', 1, 1, 0, '', '2026-11-27T08:00:00.000000Z', NULL);
INSERT INTO "lab" VALUES('0255e207-70d1-4c5d-a245-874c41fba65b', 'tb-debian-0255e207', 'debian', 'enforcing', 'xen2', 'ready', 0, '127.0.0.1', 20000, 0, '', '2026-11-27T08:00:00.000000Z', '2026-11-27T08:17:42.000000Z', 1, 2, 0, '', '2026-11-27T08:17:42.000000Z', '2026-11-27T08:17:42.000000Z');
INSERT INTO "lab" VALUES('87abaa24-0f13-4e67-878f-373a19a3e214', 'tb-debian-87abaa24', 'debian', 'enforcing', 'xen1', 'left', 0, '127.0.0.1', 20000, 0, '', '2026-11-27T08:17:20.000000Z', '2026-11-27T08:18:15.000000Z', 2, 1, 0, '', '2026-11-27T08:17:20.000000Z', NULL);
INSERT INTO "lab" VALUES('33bfece4-b81c-438e-970d-8d2b2485ce22', 'tb-debian-33bfece4', 'debian', 'enforcing', 'xen2', 'ready', 0, '127.0.0.1', 20000, 0, '', '2026-11-27T08:18:15.000000Z', '2026-11-27T08:18:30.000000Z', 2, 1, 0, '', '2026-11-27T08:18:30.000000Z', NULL);
INSERT INTO "lab" VALUES('79a03c22-9387-40c9-afde-80ca4fde6894', 'tb-debian-79a03c22', 'debian', 'enforcing', 'xen2', 'ready', 0, '127.0.0.1', 20000, 0, '', '2026-11-27T08:18:15.000000Z', '2026-11-27T08:18:30.000000Z', 3, 1, 0, '', '2026-11-27T08:18:30.000000Z', NULL);
INSERT INTO "lab" VALUES('97825a4e-ead9-44bf-834e-9ca9b0e3eefc', 'tb-debian-97825a4e', 'debian', 'enforcing', 'xen1', 'gone', 0, '127.0.0.1', 20000, 0, '', '2026-11-27T08:18:39.000000Z', '2026-11-27T08:18:39.000000Z', 3, 1, 0, '', '2026-11-27T08:18:39.000000Z', NULL);

INSERT INTO "person" VALUES(1, '(rehearsal) 1', NULL, 'rehearsal 1', '', 0, '2026-11-27T08:00:00.000000Z', 0);
INSERT INTO "person" VALUES(2, '(rehearsal) 2', NULL, 'rehearsal 2', '', 0, '2026-11-27T08:00:00.000000Z', 0);
INSERT INTO "person" VALUES(3, 'alice', NULL, 'alice', 'Australia/Melbourne', 1, '2026-11-27T08:01:02.000000Z', 0);
INSERT INTO "person" VALUES(4, 'bob', NULL, 'bob', 'Europe/Warsaw', 1, '2026-11-27T08:01:02.000000Z', 0);
INSERT INTO "person" VALUES(5, 'olga', NULL, 'olga', '', 1, '2026-11-27T08:01:02.000000Z', 0);
INSERT INTO "person" VALUES(6, 'carol', NULL, 'carol', '', 1, '2026-11-27T08:01:02.000000Z', 1);
INSERT INTO "person" VALUES(7, 'hannah', NULL, 'hannah', '', 1, '2026-11-27T08:01:02.000000Z', 0);
INSERT INTO "person" VALUES(8, 'russell', NULL, 'russell', '', 1, '2026-11-27T08:16:02.000000Z', 0);
INSERT INTO "person" VALUES(9, NULL, 'stranger!stranger@example.net', 'stranger', '', 1, '2026-11-27T08:17:02.000000Z', 0);

INSERT INTO "session" VALUES('made-here/1', 'SE Linux for all', '2026-11-27T08:30:00.000000Z', 'Australia/Melbourne', '{"uid": "made-here/1", "title": "SE Linux for all", "start": "2026-11-27T08:30:00+00:00", "zone": "Australia/Melbourne", "local": "2026-11-27T19:30:00", "minutes": 90, "exercise": "selinux", "presenter": "russell", "channel": null, "seats": 3, "images": [], "zones": [], "link": null, "slides": null, "cancelled": false, "origin": "IRC", "tzdata": "2026f", "revision": "8bd5096a6b2a93f1"}', '8bd5096a6b2a93f1', 0, '2026-11-27T08:01:02.000000Z', 0, 0);
INSERT INTO "session" VALUES('made-here/2', 'Squid and its ports', '2026-12-05T08:00:00.000000Z', 'Australia/Melbourne', '{"uid": "made-here/2", "title": "Squid and its ports", "start": "2026-12-05T08:00:00+00:00", "zone": "Australia/Melbourne", "local": "2026-12-05T19:00:00", "minutes": 120, "exercise": null, "presenter": null, "channel": null, "seats": null, "images": [], "zones": [], "link": null, "slides": null, "cancelled": false, "origin": "IRC", "tzdata": "2026f", "revision": "5f81b6f63208e94c"}', '5f81b6f63208e94c', 0, '2026-11-27T08:01:02.000000Z', 0, 0);
INSERT INTO "session" VALUES('made-here/3', 'Called off', '2026-12-06T09:00:00.000000Z', 'Europe/Berlin', '{"uid": "made-here/3", "title": "Called off", "start": "2026-12-06T09:00:00+00:00", "zone": "Europe/Berlin", "local": "2026-12-06T10:00:00", "minutes": 60, "exercise": null, "presenter": null, "channel": null, "seats": null, "images": [], "zones": [], "link": null, "slides": null, "cancelled": true, "origin": "IRC", "tzdata": "2026f", "revision": "ee929d32c387e335"}', 'ee929d32c387e335', 1, '2026-11-27T08:01:02.000000Z', 1, 0);
INSERT INTO "session" VALUES('made-here/4', 'A draft', '2026-12-07T09:00:00.000000Z', 'Europe/Berlin', '{"uid": "made-here/4", "title": "A draft", "start": "2026-12-07T09:00:00+00:00", "zone": "Europe/Berlin", "local": "2026-12-07T10:00:00", "minutes": 60, "exercise": null, "presenter": null, "channel": null, "seats": null, "images": [], "zones": [], "link": null, "slides": null, "cancelled": false, "origin": "IRC", "tzdata": "2026f", "revision": "60f5c7ae4609be0a"}', '60f5c7ae4609be0a', 0, '2026-11-27T08:01:02.000000Z', 0, 1);

INSERT INTO "setting" VALUES('last session', '4');
INSERT INTO "setting" VALUES('boot.debian', '0.0');
INSERT INTO "setting" VALUES('drained', 'xen2');

INSERT INTO "class" VALUES(1, '#class', 'made-here/1', 'selinux', 'SE Linux for all', 8, 'russell', 1, 3, '2026-11-27T08:17:20.000000Z', '/tmp/tmpas5c5yhp/public/minutes/2026-11-27-selinux-1.html', '2026-11-27T08:17:02.000000Z', '2026-11-27T08:18:39.000000Z', '2026-11-27T08:18:39.000000Z', 0, NULL, 0);
INSERT INTO "class" VALUES(2, '#class', '', 'selinux', 'SE Linux for beginners', 8, 'russell', 0, 3, '2026-11-27T08:18:39.000000Z', '', '2026-11-27T08:18:39.000000Z', NULL, NULL, 0, NULL, 0);

INSERT INTO "lease" VALUES(1, 1, 'debian', 'enforcing', '0fad1ea9-3b7c-423f-a8cf-9859d7d700d2', NULL, 'ac1837bcc9f5bd73a2c36bbdb76d826eca9dab755bede27d5f74cd00eb449c57', '2026-11-27T08:00:00.000000Z', '2026-11-27T08:02:00.000000Z', NULL, '2026-11-27T08:16:02.000000Z', 'nobody asked about it for 2 min', '(rehearsal) 146d5c98', '');
INSERT INTO "lease" VALUES(2, 2, 'debian', 'enforcing', '0255e207-70d1-4c5d-a245-874c41fba65b', NULL, 'a23fda6764c1068e1d26748cbeed796d67166d7225ee6c946341135afe06147f', '2026-11-27T08:00:00.000000Z', '2026-11-27T08:02:00.000000Z', NULL, '2026-11-27T08:16:02.000000Z', 'nobody asked about it for 2 min', '(rehearsal) 146d5c98', '');
INSERT INTO "lease" VALUES(3, 3, 'debian', 'enforcing', '0255e207-70d1-4c5d-a245-874c41fba65b', NULL, '', '2026-11-27T08:16:02.000000Z', '2026-11-27T12:30:00.000000Z', NULL, NULL, '', 'made-here/1', '');
INSERT INTO "lease" VALUES(4, 4, 'debian', 'enforcing', '33bfece4-b81c-438e-970d-8d2b2485ce22', '0fad1ea9-3b7c-423f-a8cf-9859d7d700d2', '242d20912b310c164715ec01a4c62e6c42991f0883ce9dd4117df97fe468601a', '2026-11-27T08:16:02.000000Z', '2026-11-27T12:30:00.000000Z', NULL, NULL, '', 'made-here/1', '');
INSERT INTO "lease" VALUES(5, 9, 'debian', 'enforcing', '79a03c22-9387-40c9-afde-80ca4fde6894', '87abaa24-0f13-4e67-878f-373a19a3e214', '3f062c39b5e5134bb46ff7495591c35a4d1c011cfe3985d946d55b8b5e4ee949', '2026-11-27T08:17:20.000000Z', '2026-11-27T12:18:15.000000Z', NULL, NULL, '', '', '');
INSERT INTO "lease" VALUES(6, 7, 'debian', 'enforcing', '97825a4e-ead9-44bf-834e-9ca9b0e3eefc', NULL, '9658f53b2f9798a889c96f885776e46635a04ba653fdcde7d2f082bbc044fa32', '2026-11-27T08:18:39.000000Z', '2026-11-27T12:18:39.000000Z', NULL, '2026-11-27T08:18:39.000000Z', 'returned', '', '');

INSERT INTO "notice" VALUES(1, 'made-here/1@20261127T083000Z-1h #class', NULL, '#class', 'reminder', '', '', '2026-11-27T08:01:02.000000Z', '2026-11-27T08:35:00.000000Z', '2026-11-27T08:01:02.000000Z');
INSERT INTO "notice" VALUES(2, 'made-here/1@20261127T083000Z-7d #class', NULL, '#class', 'reminder', '', '', '2026-11-27T08:01:02.000000Z', '2026-11-27T08:35:00.000000Z', '2026-11-27T08:01:02.000000Z');
INSERT INTO "notice" VALUES(3, 'made-here/1@20261127T083000Z-1d #class', NULL, '#class', 'reminder', '', '', '2026-11-27T08:01:02.000000Z', '2026-11-27T08:35:00.000000Z', '2026-11-27T08:01:02.000000Z');
INSERT INTO "notice" VALUES(4, NULL, NULL, '#class', 'announcement', '', 'new session: SE Linux for all, Fri 27 Nov 08:30 UTC | Fri 27 Nov 19:30 +1100 Melbourne | Fri 27 Nov 09:30 +0100 Berlin | Fri 27 Nov 03:30 -0500 New York | in 29 min', '2026-11-27T08:01:02.000000Z', NULL, '2026-11-27T08:01:02.000000Z');
INSERT INTO "notice" VALUES(5, NULL, NULL, '#class', 'announcement', '', 'new session: Squid and its ports, Sat 5 Dec 08:00 UTC | Sat 5 Dec 19:00 +1100 Melbourne | Sat 5 Dec 09:00 +0100 Berlin | Sat 5 Dec 03:00 -0500 New York | in 8 d', '2026-11-27T08:01:02.000000Z', NULL, '2026-11-27T08:01:02.000000Z');
INSERT INTO "notice" VALUES(6, NULL, NULL, '#class', 'announcement', '', 'new session: Called off, Sun 6 Dec 09:00 UTC | Sun 6 Dec 20:00 +1100 Melbourne | Sun 6 Dec 10:00 +0100 Berlin | Sun 6 Dec 04:00 -0500 New York | in 9 d 1 h', '2026-11-27T08:01:02.000000Z', NULL, '2026-11-27T08:01:02.000000Z');
INSERT INTO "notice" VALUES(7, NULL, NULL, '#class', 'announcement', '', 'cancelled: Called off, Sun 6 Dec 09:00 UTC (Sun 6 Dec 10:00 +0100 Berlin)', '2026-11-27T08:01:02.000000Z', NULL, '2026-11-27T08:01:02.000000Z');
INSERT INTO "notice" VALUES(8, NULL, NULL, '#class', 'announcement', '', 'When would it suit you, for SE Linux, 2 h, Sun 7 to Mon 15 Mar? Tell me privately, in your own time: /msg trainbot when sat 14:00-18:00, or: when not sun (? behind a time: if need be; tz CITY sets your zone). Until Wed 3 Mar 13:00 UTC, in 96 d 5 h.', '2026-11-27T08:01:02.000000Z', '2027-03-03T13:00:00.000000Z', '2026-11-27T08:01:02.000000Z');
INSERT INTO "notice" VALUES(9, 'seat 3', 3, NULL, 'seat', '3', '', '2026-11-27T08:16:02.000000Z', NULL, '2026-11-27T08:16:02.000000Z');
INSERT INTO "notice" VALUES(10, 'seat 4', 4, NULL, 'seat', '4', '', '2026-11-27T08:16:02.000000Z', NULL, '2026-11-27T08:16:02.000000Z');
INSERT INTO "notice" VALUES(11, 'go made-here/1@20261127T083000Z 5', 5, NULL, 'readiness', 'made-here/1', '', '2026-11-27T08:16:02.000000Z', '2026-11-27T08:30:00.000000Z', '2026-11-27T08:16:02.000000Z');
INSERT INTO "notice" VALUES(12, 'go made-here/1@20261127T083000Z 8', 8, NULL, 'readiness', 'made-here/1', '', '2026-11-27T08:16:02.000000Z', '2026-11-27T08:30:00.000000Z', '2026-11-27T08:16:02.000000Z');
INSERT INTO "notice" VALUES(13, NULL, 4, NULL, 'text', '', 'step 1 is not done yet: permissive (!done again after that)', '2026-11-27T08:17:20.000000Z', '2026-11-27T08:47:20.000000Z', '2026-11-27T08:17:20.000000Z');
INSERT INTO "notice" VALUES(14, NULL, 3, NULL, 'answer', '', 'your question 5 (what does the command semanage port do exactly?) is the same as question 2: you get its answer', '2026-11-27T08:17:20.000000Z', NULL, '2026-11-27T08:17:20.000000Z');
INSERT INTO "notice" VALUES(15, NULL, 6, NULL, 'text', '', 'your question 3 (what is a port?) was put aside by russell: later', '2026-11-27T08:17:20.000000Z', NULL, '2026-11-27T08:17:20.000000Z');
INSERT INTO "notice" VALUES(16, 'setup 1 1 081720', 8, NULL, 'text', '', 'step 1 is set up in 3 of 3 labs', '2026-11-27T08:17:21.000000Z', '2026-11-27T08:47:21.000000Z', '2026-11-27T08:17:21.000000Z');
INSERT INTO "notice" VALUES(17, NULL, NULL, '#class', 'text', '', 'the answer is 11371: only alice had it, and wins', '2026-11-27T08:17:42.000000Z', '2026-11-27T08:27:42.000000Z', '2026-11-27T08:17:42.000000Z');
INSERT INTO "notice" VALUES(18, 'no-go made-here/1@20261127T083000Z 5', 5, NULL, 'readiness', 'made-here/1', '', '2026-11-27T08:17:57.000000Z', '2026-11-27T08:30:00.000000Z', '2026-11-27T08:17:57.000000Z');
INSERT INTO "notice" VALUES(19, 'no-go made-here/1@20261127T083000Z 8', 8, NULL, 'readiness', 'made-here/1', '', '2026-11-27T08:17:57.000000Z', '2026-11-27T08:30:00.000000Z', '2026-11-27T08:17:57.000000Z');
INSERT INTO "notice" VALUES(20, NULL, NULL, '#class', 'text', '', 'host xen1 is lost: 2 people move to another; the same ssh line and password work again', '2026-11-27T08:18:15.000000Z', '2026-11-27T08:28:15.000000Z', '2026-11-27T08:18:15.000000Z');
INSERT INTO "notice" VALUES(21, 'old 0fad1ea9-3b7c-423f-a8cf-9859d7d700d2', 4, NULL, 'text', '', 'host xen1 is back: your old debian lab is reached with ssh -p 2222 old@lab.example.org and the same password until your lease ends; fetch what you need', '2026-11-27T08:18:30.000000Z', NULL, NULL);
INSERT INTO "notice" VALUES(22, 'old 87abaa24-0f13-4e67-878f-373a19a3e214', 9, NULL, 'text', '', 'host xen1 is back: your old debian lab is reached with ssh -p 2222 old@lab.example.org and the same password until your lease ends; fetch what you need', '2026-11-27T08:18:30.000000Z', NULL, '2026-11-27T08:18:30.000000Z');
INSERT INTO "notice" VALUES(23, NULL, 7, NULL, 'lab', '6', 'olga asked me for a debian lab for you', '2026-11-27T08:18:39.000000Z', NULL, '2026-11-27T08:18:39.000000Z');
INSERT INTO "notice" VALUES(24, NULL, NULL, '#class', 'text', '', 'SE Linux for all is over after 2 min; 4 took part. Thank you! Minutes: trainbot log show 1', '2026-11-27T08:18:39.000000Z', NULL, '2026-11-27T08:18:39.000000Z');

INSERT INTO "public_key" VALUES(1, 3, 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBmLMnYd0tH1vTqj8Xj2m4oWQyYp8n6Ff3k6mT0hJ5xQ', '2026-11-27T08:01:02.000000Z');

INSERT INTO "attendance" VALUES(1, 9, 'stranger', 0, NULL, '', 0, '2026-11-27T08:17:20.000000Z', '', '79a03c22-9387-40c9-afde-80ca4fde6894', 0);
INSERT INTO "attendance" VALUES(1, 3, 'alice', 1, NULL, '', 0, '2026-11-27T08:17:20.000000Z', '', '0255e207-70d1-4c5d-a245-874c41fba65b', 0);
INSERT INTO "attendance" VALUES(1, 4, 'bob', 1, '2026-11-27T08:17:20.000000Z', 'getenforce is not there', 0, '2026-11-27T08:17:20.000000Z', 'hannah', '33bfece4-b81c-438e-970d-8d2b2485ce22', 0);
INSERT INTO "attendance" VALUES(1, 6, 'carol', 1, NULL, '', 2, '2026-11-27T08:17:20.000000Z', '', '', 0);
INSERT INTO "attendance" VALUES(2, 3, 'alice', 0, NULL, '', 0, '2026-11-27T08:18:39.000000Z', '', '', 0);

INSERT INTO "done" VALUES(1, 3, 1, '2026-11-27T08:17:20.000000Z');

INSERT INTO "entry" VALUES(1, 1, '#class', '2026-11-27T08:17:02.000000Z', 'start', 'russell', 'SE Linux for all (selinux), presented by russell', 8);
INSERT INTO "entry" VALUES(2, 1, '#class', '2026-11-27T08:17:02.000000Z', 'there', '', '7 alice bob carol hannah olga russell stranger', NULL);
INSERT INTO "entry" VALUES(3, 1, '#class', '2026-11-27T08:17:20.000000Z', 'said', 'bob', 'hello everybody', 4);
INSERT INTO "entry" VALUES(4, 1, '#class', '2026-11-27T08:17:20.000000Z', 'lab', 'stranger', 'debian enforcing', 9);
INSERT INTO "entry" VALUES(5, 1, '#class', '2026-11-27T08:17:20.000000Z', 'step', 'russell', '1 Look', 8);
INSERT INTO "entry" VALUES(6, 1, '#class', '2026-11-27T08:17:20.000000Z', 'stuck', 'bob', 'getenforce is not there', 4);
INSERT INTO "entry" VALUES(7, 1, '#class', '2026-11-27T08:17:20.000000Z', 'helping', 'hannah', 'bob', 7);
INSERT INTO "entry" VALUES(8, 1, '#class', '2026-11-27T08:17:20.000000Z', 'said', 'russell', 'PGP key servers use it.', 8);
INSERT INTO "entry" VALUES(9, 1, '#class', '2026-11-27T08:17:20.000000Z', 'quiz', 'russell', 'which port do key servers use?', 8);
INSERT INTO "entry" VALUES(10, 1, '#class', '2026-11-27T08:17:21.000000Z', 'said', 'alice', '11371', 3);
INSERT INTO "entry" VALUES(11, 1, '#class', '2026-11-27T08:17:21.000000Z', 'said', 'bob', '80', 4);
INSERT INTO "entry" VALUES(12, 1, '#class', '2026-11-27T08:17:42.000000Z', 'link', 'russell', 'https://example.org/slides', 8);
INSERT INTO "entry" VALUES(13, 1, '#class', '2026-11-27T08:17:42.000000Z', 'action', 'russell', 'hannah writes the FAQ', 8);
INSERT INTO "entry" VALUES(14, 1, '#class', '2026-11-27T08:17:54.000000Z', 'quit', 'bob', '', 4);
INSERT INTO "entry" VALUES(15, 1, '#class', '2026-11-27T08:18:39.000000Z', 'lab', 'olga', 'debian enforcing for hannah', 5);
INSERT INTO "entry" VALUES(16, 1, '#class', '2026-11-27T08:18:39.000000Z', 'lecture', 'russell', 'on', 8);
INSERT INTO "entry" VALUES(17, 1, '#class', '2026-11-27T08:18:39.000000Z', 'lecture', 'russell', 'off', 8);
INSERT INTO "entry" VALUES(18, 1, '#class', '2026-11-27T08:18:39.000000Z', 'said', 'olga', '!remind', 5);
INSERT INTO "entry" VALUES(19, 1, '#class', '2026-11-27T08:18:39.000000Z', 'end', 'russell', '', 8);
INSERT INTO "entry" VALUES(20, 2, '#class', '2026-11-27T08:18:39.000000Z', 'start', 'russell', 'SE Linux for beginners (selinux), presented by russell', 8);
INSERT INTO "entry" VALUES(21, 2, '#class', '2026-11-27T08:18:39.000000Z', 'there', '', '6 alice hannah olga russell stranger', NULL);
INSERT INTO "entry" VALUES(22, 2, '#class', '2026-11-27T08:18:39.000000Z', 'said', 'russell', 'Half an answer, and', 8);

INSERT INTO "question" VALUES(1, 1, '#class', 3, 'alice', 1, 'why is port 11371 taken?', 'answered', '2026-11-27T08:17:20.000000Z', 0, 'debian', 1, NULL, 'PGP key servers use it.');
INSERT INTO "question" VALUES(2, 1, '#class', 4, 'bob', 1, 'what does semanage port do?', 'answered', '2026-11-27T08:17:20.000000Z', 0, 'debian', 1, NULL, 'it adds a port to a type, or removes it');
INSERT INTO "question" VALUES(3, 1, '#class', 6, 'carol', 1, 'what is a port?', 'skipped', '2026-11-27T08:17:20.000000Z', 1, 'debian', 0, NULL, '');
INSERT INTO "question" VALUES(4, 1, '#class', 9, 'stranger', 1, 'is it Zürich''s “port”, or: ''anything''?', 'deleted', '2026-11-27T08:17:20.000000Z', 0, 'debian', 0, NULL, '');
INSERT INTO "question" VALUES(5, 1, '#class', 3, 'alice', 1, 'what does the command semanage port do exactly?', 'merged', '2026-11-27T08:17:20.000000Z', 0, 'debian', 0, 2, '');
INSERT INTO "question" VALUES(6, 1, '#class', 4, 'bob', 1, 'spam spam', 'deleted', '2026-11-27T08:17:20.000000Z', 0, 'debian', 0, NULL, '');
INSERT INTO "question" VALUES(7, 2, '#class', 3, 'alice', 0, 'after the second start, does it count?', 'taken', '2026-11-27T08:18:39.000000Z', 0, 'debian', 0, NULL, '');

INSERT INTO "question_event" VALUES(1, 1, '2026-11-27T08:17:20.000000Z', 3, 'alice', 'asked', 'why is port 11371 taken?', NULL);
INSERT INTO "question_event" VALUES(2, 2, '2026-11-27T08:17:20.000000Z', 4, 'bob', 'asked', 'what does semanage port do?', NULL);
INSERT INTO "question_event" VALUES(3, 3, '2026-11-27T08:17:20.000000Z', 6, 'carol', 'asked', 'what is a port?', NULL);
INSERT INTO "question_event" VALUES(4, 1, '2026-11-27T08:17:20.000000Z', 4, 'bob', 'voted', '', NULL);
INSERT INTO "question_event" VALUES(5, 2, '2026-11-27T08:17:20.000000Z', 3, 'alice', 'voted', '', NULL);
INSERT INTO "question_event" VALUES(6, 4, '2026-11-27T08:17:20.000000Z', 9, 'stranger', 'asked', 'is it Zürich''s “port”, or: ''anything''?', NULL);
INSERT INTO "question_event" VALUES(7, 5, '2026-11-27T08:17:20.000000Z', 3, 'alice', 'asked', 'what does the command semanage port do exactly?', NULL);
INSERT INTO "question_event" VALUES(8, 5, '2026-11-27T08:17:20.000000Z', 7, 'hannah', 'merged', 'into 2', NULL);
INSERT INTO "question_event" VALUES(9, 1, '2026-11-27T08:17:20.000000Z', 8, 'russell', 'taken', '', NULL);
INSERT INTO "question_event" VALUES(10, 1, '2026-11-27T08:17:20.000000Z', 8, 'russell', 'answered', 'PGP key servers use it.', NULL);
INSERT INTO "question_event" VALUES(11, 2, '2026-11-27T08:17:20.000000Z', 7, 'hannah', 'answered', 'it adds a port to a type', NULL);
INSERT INTO "question_event" VALUES(12, 2, '2026-11-27T08:17:20.000000Z', 7, 'hannah', 'edited', 'it adds a port to a type, or removes it', 11);
INSERT INTO "question_event" VALUES(13, 3, '2026-11-27T08:17:20.000000Z', 8, 'russell', 'skipped', 'later', NULL);
INSERT INTO "question_event" VALUES(14, 6, '2026-11-27T08:17:20.000000Z', 4, 'bob', 'asked', 'spam spam', NULL);
INSERT INTO "question_event" VALUES(15, 6, '2026-11-27T08:17:20.000000Z', 7, 'hannah', 'deleted', 'rude', NULL);
INSERT INTO "question_event" VALUES(16, 4, '2026-11-27T08:17:20.000000Z', 7, 'hannah', 'deleted', 'ignored', NULL);
INSERT INTO "question_event" VALUES(17, 7, '2026-11-27T08:18:39.000000Z', 3, 'alice', 'asked', 'after the second start, does it count?', NULL);
INSERT INTO "question_event" VALUES(18, 7, '2026-11-27T08:18:39.000000Z', 8, 'russell', 'taken', '', NULL);

INSERT INTO "signup" VALUES('made-here/1', 3, 'debian', '2026-11-27T08:01:02.000000Z', 0);
INSERT INTO "signup" VALUES('made-here/1', 4, 'debian', '2026-11-27T08:01:02.000000Z', 0);
INSERT INTO "signup" VALUES('made-here/1', 6, 'debian', '2026-11-27T08:01:02.000000Z', 0);
INSERT INTO "signup" VALUES('made-here/1', 7, 'debian', '2026-11-27T08:01:02.000000Z', 1);

INSERT INTO "home" VALUES(6, 'debian', '2026-11-27T08:01:02.000000Z');

INSERT INTO "poll" VALUES(1, '#class', 'SE Linux', 'Australia/Melbourne', '2027-03-07', '2027-03-15', 5, 420, 1320, 120, 2, 30, '2026-11-27T08:01:02.000000Z', '2027-03-03T13:00:00.000000Z', NULL, '');

INSERT INTO "poll_line" VALUES(1, 1, 3, 'Australia/Melbourne', 'after 6pm weekdays', '2026-11-27T08:01:02.000000Z');
INSERT INTO "poll_line" VALUES(2, 1, 4, 'Europe/Warsaw', 'weekends 10-14', '2026-11-27T08:01:02.000000Z');
INSERT INTO "poll_line" VALUES(3, 1, 3, 'Australia/Melbourne', 'mornings', '2026-11-27T08:01:02.000000Z');

INSERT INTO "channel" VALUES('#class', 'SE Linux for beginners | a class runs here, with russell | !help', '', 'on', 'hannah olga russell');

INSERT INTO "ignored" VALUES(1, 9, 'stranger', '2026-11-27T08:17:20.000000Z', 7, 'hannah', NULL, '');

INSERT INTO "question_word" VALUES(1, 'linux');
INSERT INTO "question_word" VALUES(2, 'for');
INSERT INTO "question_word" VALUES(3, 'all');
INSERT INTO "question_word" VALUES(4, 'selinux');
INSERT INTO "question_word" VALUES(5, 'presented');
INSERT INTO "question_word" VALUES(6, 'russell');
INSERT INTO "question_word" VALUES(7, 'alice');
INSERT INTO "question_word" VALUES(8, 'bob');
INSERT INTO "question_word" VALUES(9, 'carol');
INSERT INTO "question_word" VALUES(10, 'hannah');
INSERT INTO "question_word" VALUES(11, 'olga');
INSERT INTO "question_word" VALUES(12, 'stranger');
INSERT INTO "question_word" VALUES(13, 'hello');
INSERT INTO "question_word" VALUES(14, 'everybody');
INSERT INTO "question_word" VALUES(15, 'debian');
INSERT INTO "question_word" VALUES(16, 'enforcing');
INSERT INTO "question_word" VALUES(17, 'look');
INSERT INTO "question_word" VALUES(18, 'getenforce');
INSERT INTO "question_word" VALUES(19, 'not');
INSERT INTO "question_word" VALUES(20, 'there');
INSERT INTO "question_word" VALUES(21, 'why');
INSERT INTO "question_word" VALUES(22, 'port');
INSERT INTO "question_word" VALUES(23, 'taken');
INSERT INTO "question_word" VALUES(24, 'what');
INSERT INTO "question_word" VALUES(25, 'does');
INSERT INTO "question_word" VALUES(26, 'semanage');
INSERT INTO "question_word" VALUES(27, 'zurich');
INSERT INTO "question_word" VALUES(28, 'anything');
INSERT INTO "question_word" VALUES(29, 'the');
INSERT INTO "question_word" VALUES(30, 'command');
INSERT INTO "question_word" VALUES(31, 'exactly');
INSERT INTO "question_word" VALUES(32, 'pgp');
INSERT INTO "question_word" VALUES(33, 'key');
INSERT INTO "question_word" VALUES(34, 'servers');
INSERT INTO "question_word" VALUES(35, 'use');
INSERT INTO "question_word" VALUES(36, 'adds');
INSERT INTO "question_word" VALUES(37, 'type');
INSERT INTO "question_word" VALUES(38, 'removes');
INSERT INTO "question_word" VALUES(39, 'spam');
INSERT INTO "question_word" VALUES(40, 'which');
INSERT INTO "question_word" VALUES(41, 'https');
INSERT INTO "question_word" VALUES(42, 'example');
INSERT INTO "question_word" VALUES(43, 'org');
INSERT INTO "question_word" VALUES(44, 'slides');
INSERT INTO "question_word" VALUES(45, 'writes');
INSERT INTO "question_word" VALUES(46, 'faq');
INSERT INTO "question_word" VALUES(47, 'off');
INSERT INTO "question_word" VALUES(48, 'remind');
INSERT INTO "question_word" VALUES(49, 'beginners');
INSERT INTO "question_word" VALUES(50, 'after');
INSERT INTO "question_word" VALUES(51, 'second');
INSERT INTO "question_word" VALUES(52, 'start');
INSERT INTO "question_word" VALUES(53, 'count');
INSERT INTO "question_word" VALUES(54, 'half');
INSERT INTO "question_word" VALUES(55, 'answer');
INSERT INTO "question_word" VALUES(56, 'and');

INSERT INTO "play" VALUES(1, 1, 3, '0255e207-70d1-4c5d-a245-874c41fba65b', 1, 'setup', 'passed', '2026-11-27T08:17:20.000000Z', 0, '', '2026-11-27T08:17:20.000000Z');
INSERT INTO "play" VALUES(2, 1, 4, '0fad1ea9-3b7c-423f-a8cf-9859d7d700d2', 1, 'setup', 'passed', '2026-11-27T08:17:20.000000Z', 0, '', '2026-11-27T08:17:20.000000Z');
INSERT INTO "play" VALUES(3, 1, 9, '87abaa24-0f13-4e67-878f-373a19a3e214', 1, 'setup', 'passed', '2026-11-27T08:17:20.000000Z', 0, '', '2026-11-27T08:17:20.000000Z');
INSERT INTO "play" VALUES(4, 1, 3, '0255e207-70d1-4c5d-a245-874c41fba65b', 1, 'verify', 'passed', '2026-11-27T08:17:20.000000Z', 0, '', '2026-11-27T08:17:20.000000Z');
INSERT INTO "play" VALUES(5, 1, 4, '0fad1ea9-3b7c-423f-a8cf-9859d7d700d2', 1, 'verify', 'failed', '2026-11-27T08:17:20.000000Z', 0, 'permissive', '2026-11-27T08:17:20.000000Z');
INSERT INTO "play" VALUES(6, 1, 4, '33bfece4-b81c-438e-970d-8d2b2485ce22', 1, 'setup', 'waiting', '2026-11-27T08:18:33.000000Z', 0, '', NULL);
INSERT INTO "play" VALUES(7, 1, 9, '79a03c22-9387-40c9-afde-80ca4fde6894', 1, 'setup', 'waiting', '2026-11-27T08:18:33.000000Z', 0, '', NULL);

INSERT INTO "quiz" VALUES(1, '#class', 'which port do key servers use?', '11371|hkp', 'russell', '2026-11-27T08:17:20.000000Z', '2026-11-27T08:17:42.000000Z');

INSERT INTO "quiz_try" VALUES(1, 3, 'alice', 1, 1);
INSERT INTO "quiz_try" VALUES(1, 4, 'bob', 1, 0);
INSERT INTO question_fts(question_fts) VALUES('rebuild');
INSERT INTO entry_fts(entry_fts) VALUES('rebuild');
INSERT INTO word_fts(word_fts) VALUES('rebuild');
CREATE INDEX lab_state ON lab (state);
CREATE UNIQUE INDEX person_account ON person (account);
CREATE UNIQUE INDEX person_mask ON person (mask) WHERE in_view AND account IS NULL;
CREATE INDEX session_start ON session (start);
CREATE UNIQUE INDEX class_running ON class (channel) WHERE ended_at IS NULL;
CREATE INDEX lease_ended ON lease (ended_at);
CREATE UNIQUE INDEX lease_open_lab ON lease (lab_id) WHERE ended_at IS NULL;
CREATE INDEX notice_waiting ON notice (due_at) WHERE said_at IS NULL;
CREATE INDEX public_key_person ON public_key (person_id);
CREATE INDEX entry_class ON entry (class_id);
CREATE INDEX question_waiting ON question (channel, state);
CREATE INDEX question_event_question ON question_event (question_id);
CREATE UNIQUE INDEX poll_open ON poll (channel) WHERE closed_at IS NULL;
CREATE INDEX poll_line_person ON poll_line (poll_id, person_id);
CREATE UNIQUE INDEX question_event_vote ON question_event (question_id, person_id) WHERE kind = 'voted';
CREATE INDEX question_class ON question (class_id);
CREATE INDEX question_merged ON question (merged_into) WHERE merged_into IS NOT NULL;
CREATE INDEX question_asker ON question (person_id, asked_at);
CREATE UNIQUE INDEX ignored_now ON ignored (person_id) WHERE ended_at IS NULL;
CREATE UNIQUE INDEX question_word_word ON question_word (word);
CREATE TRIGGER question_fts_added AFTER INSERT ON question BEGIN INSERT INTO question_fts(rowid, words, answer) VALUES (new.id, new.words, new.answer); END;
CREATE TRIGGER question_fts_removed AFTER DELETE ON question BEGIN INSERT INTO question_fts(question_fts, rowid, words, answer) VALUES ('delete', old.id, old.words, old.answer); END;
CREATE TRIGGER question_fts_changed AFTER UPDATE OF words, answer ON question BEGIN INSERT INTO question_fts(question_fts, rowid, words, answer) VALUES ('delete', old.id, old.words, old.answer); INSERT INTO question_fts(rowid, words, answer) VALUES (new.id, new.words, new.answer); END;
CREATE TRIGGER entry_fts_added AFTER INSERT ON entry BEGIN INSERT INTO entry_fts(rowid, text) VALUES (new.id, new.text); END;
CREATE TRIGGER entry_fts_removed AFTER DELETE ON entry BEGIN INSERT INTO entry_fts(entry_fts, rowid, text) VALUES ('delete', old.id, old.text); END;
CREATE TRIGGER entry_fts_changed AFTER UPDATE OF text ON entry BEGIN INSERT INTO entry_fts(entry_fts, rowid, text) VALUES ('delete', old.id, old.text); INSERT INTO entry_fts(rowid, text) VALUES (new.id, new.text); END;
CREATE TRIGGER word_fts_added AFTER INSERT ON question_word BEGIN INSERT INTO word_fts(rowid, word) VALUES (new.id, new.word); END;
CREATE TRIGGER word_fts_removed AFTER DELETE ON question_word BEGIN INSERT INTO word_fts(word_fts, rowid, word) VALUES ('delete', old.id, old.word); END;
CREATE TRIGGER word_fts_changed AFTER UPDATE OF word ON question_word BEGIN INSERT INTO word_fts(word_fts, rowid, word) VALUES ('delete', old.id, old.word); INSERT INTO word_fts(rowid, word) VALUES (new.id, new.word); END;
CREATE INDEX entry_person ON entry (person_id);
CREATE INDEX entry_at ON entry (at);
CREATE INDEX play_lab ON play (lab_id);
CREATE INDEX play_waiting ON play (id) WHERE state = 'waiting';
