// The guest's side of a script. It runs before the script does and gives the host its functions.
(function (configText, linesMost, lineBytes) {
  "use strict";
  const { parse, rawJSON, stringify } = JSON;
  const { freeze, keys, values } = Object;

  // What a script has said. The first two numbers are the lines that it logged and the bytes that are kept; the lines follow,
  // each with its level and its length.
  const room = new ArrayBuffer(8 + linesMost * (lineBytes + 3));
  const counts = new Uint32Array(room, 0, 2);
  const lines = new Uint8Array(room, 8);

  function put(at, text) {
    const start = at;
    for (const character of text) {
      const c = character.codePointAt(0);
      const length = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
      if (at + length > start + lineBytes) break;
      if (length === 1) {
        lines[at++] = c;
        continue;
      }
      lines[at++] = (0xf00 >> length & 0xff) | c >> 6 * (length - 1);
      for (let i = length - 2; i >= 0; i--) lines[at++] = 0x80 | c >> 6 * i & 0x3f;
    }
    return at - start;
  }

  // A value as a line shows it, whatever it is: to say something must not fail.
  function shown(value) {
    try {
      return typeof value === "string" ? value : value instanceof Error ? String(value) : stringify(value) ?? String(value);
    } catch {
      return "(a value that cannot be shown)";
    }
  }

  function say(level, parts) {
    if (counts[0]++ >= linesMost) return;
    const text = parts.map(shown).join(" ");
    const at = counts[1];
    const length = put(at + 3, text.slice(0, lineBytes));
    lines[at] = level;
    lines[at + 1] = length & 0xff;
    lines[at + 2] = length >> 8;
    counts[1] = at + 3 + length;
  }

  const log = (...parts) => say(1, parts);
  log.debug = (...parts) => say(0, parts);
  log.info = log;
  log.warn = (...parts) => say(2, parts);
  log.error = (...parts) => say(3, parts);

  // What drop and fail have said counts, whatever the script does with the exception.
  let verdict;
  function stop(answer) {
    verdict = answer;
    throw new Error("the event is decided");
  }
  const drop = () => stop("n");
  const fail = (reason = "") => stop("f" + shown(reason));

  function deepFreeze(value) {
    if (value !== null && typeof value === "object") values(freeze(value)).forEach(deepFreeze);
    return value;
  }
  const given = { config: deepFreeze(parse(configText)), log, drop, fail, console: log };
  for (const name of keys(given)) {
    Object.defineProperty(globalThis, name, { value: given[name], writable: true, configurable: true, enumerable: false });
  }
  log.log = log;

  // An integer that no Number holds is a BigInt, so that none of its digits is lost on the way. The host gives the places of such integers:
  // each is a path and then the digits. If there are too many, it is true, and exact reads the event.
  function restored(value, places) {
    const holder = { "": value };
    for (const place of parse(places)) {
      const last = place.length - 2;
      let at = holder;
      for (let i = 0; i < last; i++) at = at?.[place[i]]; // of repeated names only the last is there
      const n = at?.[place[last]];
      if (typeof n === "number" && !Number.isSafeInteger(n)) at[place[last]] = BigInt(place[last + 1]);
    }
    return holder[""];
  }
  const longest = 1000; // digits
  function exact(_, value, { source }) {
    if (typeof value !== "number" || Number.isSafeInteger(value) || source.length > longest || !/^-?[0-9]+$/.test(source)) return value;
    return BigInt(source);
  }
  Object.defineProperty(BigInt.prototype, "toJSON", {
    value() { return rawJSON(this.toString()); },
    writable: true, configurable: true,
  });

  // An exception as "e", its text, and its stack in the lines below.
  function describe(e) {
    try {
      if (e instanceof Error) return "e" + e.name + ": " + e.message + "\n" + (e.stack ?? "");
      return "ethrew " + (typeof e === "object" && e !== null ? stringify(e) : String(e)) + "\n";
    } catch {
      return "ethrew what cannot be shown\n";
    }
  }

  function body(value) {
    if (value === null || value === "") return "n";
    if (typeof value === "string") return "b" + value;
    if (typeof value?.next === "function") return "ereturned a generator: want a body, or null to send nothing\n";
    const text = value === undefined ? undefined : stringify(value);
    if (text === undefined) return "ereturned " + (value === undefined ? "undefined" : "a " + typeof value) + ": want a body, or null to send nothing\n";
    return "b" + text;
  }

  function answer(make) {
    try {
      const made = make();
      return verdict ?? made;
    } catch (e) {
      return verdict ?? describe(e);
    }
  }

  let transform; // the script's function
  let problem; // why there is none
  let late; // the answer of a promise
  const module = freeze({
    // begin takes the promise of the script's module.
    begin(promise) {
      problem = "ehas an await at its top that nothing ends\n";
      promise.then((exported) => {
        const found = keys(exported).filter((name) => typeof exported[name] === "function");
        const name = found.includes("default") ? "default" : found[0];
        problem = undefined;
        if (name === undefined) problem = "eexports no function: want export default function (event) { … }\n";
        else if (name !== "default" && found.length > 1) problem = "eexports " + found.join(", ") + ": want one function, or a default\n";
        else transform = exported[name];
      }, (e) => {
        problem = describe(e);
      });
    },
    begun: () => problem ?? "b",
    // run takes the event and the places of its long integers. It answers with "b" and a body, "n" for none, "f" and a reason, "e" for an
    // exception, or "p" if the answer waits for a promise.
    run: (text, places) => answer(() => {
      counts.fill(0);
      verdict = undefined;
      const made = transform(places === true ? parse(text, exact) : places ? restored(parse(text), places) : parse(text));
      if (!(made instanceof Promise)) return body(made);
      late = "ereturned a promise that nothing settles\n";
      made.then((value) => {
        late = answer(() => body(value));
      }, (e) => {
        late = verdict ?? describe(e);
      });
      return "p";
    }),
    settled: () => verdict ?? late,
    describe,
    room,
  });
  return [module.begin, module.begun, module.run, module.settled, module.describe, module.room];
})
