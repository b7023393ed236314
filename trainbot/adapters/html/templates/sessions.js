var day = new Intl.DateTimeFormat(undefined, {weekday: "long", day: "numeric", month: "long", year: "numeric",
  hour: "2-digit", minute: "2-digit", timeZoneName: "short"});
document.querySelectorAll("article").forEach(function (session) {
  var start = new Date(session.querySelector("time").dateTime), mine = session.querySelector(".mine");
  if (Date.now() > +start + 60000 * Number(session.dataset.minutes)) { session.hidden = true; return; }
  mine.textContent = "Your time: " + day.format(start);
  mine.hidden = false;
});
