// This script keeps the page up to date and adds keys. Without it, links and forms do the same.
"use strict";
const $ = (selector, root = document) => root.querySelector(selector);
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const typing = (e) => e && /^(INPUT|TEXTAREA|SELECT)$/.test(e.tagName);

// dress shows times in the browser's zone, and buttons that copy.
function dress(root) {
  for (const t of all("time[data-at]", root)) t.textContent = new Date(t.dateTime).toLocaleString();
  for (const button of all("[data-copy]", root)) {
    button.hidden = false;
    button.onclick = () => copy($("#" + button.dataset.copy), button);
  }
}

async function copy(from, button) {
  const said = button.textContent;
  try {
    await navigator.clipboard.writeText(from.textContent);
    button.textContent = "Copied";
  } catch { // the clipboard needs a secure context: select the text
    getSelection().selectAllChildren(from);
    button.textContent = document.execCommand("copy") ? "Copied" : "Press Ctrl-C";
  }
  setTimeout(() => { button.textContent = said; }, 2000);
}

// fragment loads the content of a view. It returns null if the session has ended.
async function fragment(url, options = {}) {
  const answer = await fetch(url, { ...options, headers: { "X-Fragment": "1" } });
  if (answer.status === 401) {
    ended();
    return null;
  }
  return new DOMParser().parseFromString(await answer.text(), "text/html");
}

// replace replaces the sections that changed, except one in which somebody types or holds a button down: without its element,
// the click would do nothing. It keeps open details open, and the focus.
function replace(doc) {
  for (const next of all("[data-live]", doc)) {
    const now = document.getElementById(next.id);
    const text = next.innerHTML, active = document.activeElement;
    if (!now || now.dataset.text === text || now.contains(active) && typing(active)) continue;
    if (now.matches(":active")) { again = true; continue; }
    const open = all("details", now).map((d) => d.open);
    all("details", next).forEach((d, i) => { if (i < open.length) d.open = open[i]; });
    const links = all("a, button", now), at = links.indexOf(active);
    const same = (e) => e.outerHTML === active.outerHTML;
    const fresh = document.adoptNode(next);
    now.replaceWith(fresh);
    now.dataset.text = "";
    fresh.dataset.text = text;
    dress(fresh);
    if (at >= 0) (all("a, button", fresh).find(same) || all("a, button", fresh)[at])?.focus();
  }
}

function ended() {
  stop();
  say("off", "");
  if ($("#ended")) return;
  const p = document.createElement("p"), a = document.createElement("a");
  Object.assign(p, { id: "ended", className: "warn", role: "alert" });
  Object.assign(a, { href: "login?to=" + encodeURIComponent("/" + location.href.slice(document.baseURI.length)), textContent: "Log in again" });
  p.append("Your session has ended. ", a);
  $("#main").prepend(p);
}

// The view is loaded again when the server signals a change, or every five seconds without signals.
let source, polling, asking, again;
const live = $("#live[data-live]");

function say(state, text) {
  if (live) Object.assign(live, { className: state, textContent: text });
}

async function refresh() {
  again = true;
  if (asking) return;
  asking = true;
  while (again) {
    again = false;
    try {
      const doc = await fragment(location.href);
      if (doc) replace(doc);
    } catch { say("off", "not reachable"); }
    await new Promise((done) => setTimeout(done, 300));
  }
  asking = false;
}

function start() {
  if (!live || source || $("#ended")) return;
  source = new EventSource("events");
  source.addEventListener("open", () => { clearInterval(polling); polling = 0; say("on", "live"); refresh(); }); // something may have happened before
  source.addEventListener("changed", refresh);
  source.onerror = () => {
    say("off", "updates every 5 s");
    polling ||= setInterval(() => { refresh(); if (!source) start(); }, 5000);
    if (source?.readyState === EventSource.CLOSED) { source = null; refresh(); }
  };
}

function stop() {
  source?.close();
  clearInterval(polling);
  source = polling = 0;
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden) { stop(); say("off", "paused"); } else if (live) { start(); refresh(); }
});

// Keys.
const places = { g: "./", d: "deliveries", t: "tail", p: "playground" };

function step(by) {
  const rows = all("tr[data-row]"), at = rows.findIndex((row) => row.contains(document.activeElement));
  const next = rows[at < 0 ? 0 : Math.min(rows.length - 1, Math.max(0, at + by))];
  if (next) $("a", next)?.focus();
}

document.addEventListener("keydown", (e) => {
  if (e.ctrlKey || e.metaKey || e.altKey || typing(e.target) || $("#help").open) return;
  switch (e.key) {
    case "j": step(1); break;
    case "k": step(-1); break;
    case "/": if ($("#search")) $("#search").focus(); else location.href = places.d; break;
    case "r": $("[data-key=r]")?.focus(); break;
    case "?": $("#help").showModal(); break;
    default: if (places[e.key]) location.href = places[e.key]; return;
  }
  e.preventDefault();
});

// Light and dark.
const root = document.documentElement, theme = $("#theme"), keys = $("#keys");
try { if (localStorage.theme) root.dataset.theme = localStorage.theme; } catch { /* no storage: as the system has it */ }
if (theme) {
  theme.hidden = keys.hidden = false;
  keys.onclick = () => $("#help").showModal();
  theme.onclick = () => {
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
    try { localStorage.theme = root.dataset.theme; } catch { /* it holds for this view */ }
  };
}

// The playground shows its result while somebody edits.
const play = $("form#play");
if (play) {
  let wait, turn = 0;
  const run = async () => {
    const mine = ++turn, fields = new FormData(play);
    const doc = play.method === "post" ? await fragment(play.action, { method: "POST", body: fields })
      : await fragment(play.action + "?" + new URLSearchParams(fields));
    const result = doc && $("#result", doc);
    if (!result || mine !== turn) return;
    $("#result").replaceWith(document.adoptNode(result));
    dress($("#result"));
  };
  play.addEventListener("input", () => { clearTimeout(wait); wait = setTimeout(run, 400); });
  play.addEventListener("submit", (e) => { if (!e.submitter?.name) { e.preventDefault(); run(); } });
}

dress(document);
start();
