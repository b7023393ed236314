// Reads calendars with ical.js: scripts/ical-js runs it.
//
// One calendar per line of standard input, as a JSON string; for each a line of JSON: the occurrences of its series in
// order, each with its start (epoch seconds), its length in seconds, whether it is cancelled, and the SUMMARY of its event.

import readline from "node:readline";
import ICAL from "ical.js";

function occurrences(text) {
  const calendar = new ICAL.Component(ICAL.parse(text));
  ICAL.TimezoneService.reset();
  for (const zone of calendar.getAllSubcomponents("vtimezone")) ICAL.TimezoneService.register(zone);
  const events = calendar.getAllSubcomponents("vevent");
  const master = new ICAL.Event(events.find((event) => !event.hasProperty("recurrence-id")), {
    exceptions: events.filter((event) => event.hasProperty("recurrence-id")),
  });
  const found = [];
  const iterator = master.iterator();
  for (let planned = iterator.next(); planned && found.length < 1000; planned = iterator.next()) {
    const { item, startDate, endDate } = master.getOccurrenceDetails(planned);
    const [start, end] = [startDate.toUnixTime(), endDate.toUnixTime()];
    found.push([start, end - start, item.component.getFirstPropertyValue("status") === "CANCELLED", item.summary]);
  }
  return found.sort((one, other) => one[0] - other[0] || (one[3] < other[3] ? -1 : 1));
}

for await (const line of readline.createInterface({ input: process.stdin })) {
  let answer;
  try {
    answer = occurrences(JSON.parse(line));
  } catch (error) {
    answer = String(error);
  }
  console.log(JSON.stringify(answer));
}
