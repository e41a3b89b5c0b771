/* The reviewer's desk. Every act is a form that works without these files; they make it fast, keep it whole without a connection, and
   put it under the keyboard. */
import { take } from "./desk/acts.js";
import "./desk/drawer.js";
import "./desk/keys.js";
import "./desk/menu.js";
import "./desk/pages.js";
import "./desk/watch.js";
import { replay } from "./desk/outbox.js";
import { say } from "./desk/words.js";
import { countTicked, focusRow, nextOpen, rowOf, rows } from "./desk/rows.js";

/* What an earlier page could not deliver. A refusal of a row that is not in sight must not pass unseen. */
replay((entry, answer) => {
  take(entry.pk, answer);
  if (!answer || answer.status < 400 || rowOf(entry.pk)) return;
  const notice = Object.assign(document.createElement("div"), { className: "notice error" });
  notice.textContent = say("Lost", { who: entry.words });
  document.getElementById("messages").append(notice);
});

countTicked();
if (document.activeElement === document.body) focusRow(nextOpen(null) ?? rows()[0]);
