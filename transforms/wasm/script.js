// The guest's side of a script. It runs before the script does and gives the host its functions.
(function (configText, configPlaces, linesMost, lineBytes) {
  "use strict";
  const { BigInt, Error, Number, Promise, String, btoa, encodeURIComponent, unescape } = globalThis; // a script may replace them
  const { parse, rawJSON, stringify } = JSON;
  const { freeze, getOwnPropertyDescriptor, getPrototypeOf, keys, values } = Object;
  const { isArray } = Array;
  const objectPrototype = Object.prototype;
  const objectText = objectPrototype.toString;
  const errorText = Error.prototype.toString;
  const { setFromBase64 } = Uint8Array.prototype;

  // What a script has said. The first two numbers are the lines that it logged and the bytes that are kept; the lines follow,
  // each with its level, to which 4 is added if it is UTF-8 and not Latin-1, and its length.
  const room = new ArrayBuffer(8 + linesMost * (lineBytes + 3));
  const counts = new Uint32Array(room, 0, 2);
  const lines = new Uint8Array(room, 8);

  const kindOf = (value) => objectText.call(value).slice(8, -1); // "Object", "Map", "Promise"
  // Whether JSON shows {} for a value that is not a plain object, such as a Map, a Promise or an Error.
  const shownByJSON = ["Object", "Array", "Null", "String", "Number", "Boolean", "BigInt"];
  const isHollow = (value) =>
    typeof value === "object" && !shownByJSON.includes(kindOf(value)) && keys(value).length === 0 && typeof value.toJSON !== "function";

  // A value as a line shows it, whatever it is: to say something must not fail.
  function shown(value) {
    try {
      if (typeof value === "string") return value;
      if (value instanceof Error) return errorText.call(value);
      return isHollow(value) ? String(value) : stringify(value) ?? String(value);
    } catch {
      return "(a value that cannot be shown)";
    }
  }

  function say(level, parts) {
    if (counts[0]++ >= linesMost) return;
    const text = parts.map(shown).join(" ").slice(0, lineBytes);
    const at = counts[1];
    let bytes; // in base64, since the engine decodes that sixty times as fast as a loop stores bytes
    try {
      bytes = btoa(text);
    } catch { // it is not Latin-1
      level += 4;
      bytes = btoa(unescape(encodeURIComponent(text.toWellFormed())).slice(0, lineBytes));
    }
    const length = setFromBase64.call(lines.subarray(at + 3), bytes).written;
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

  // An integer that no Number holds is a BigInt, so that none of its digits is lost on the way. The host gives the places of such integers
  // in a text: each is a path and then the digits. The places are "" if there are none, and true if there are too many: then exact looks at
  // each number.
  function read(text, places) {
    const list = places && parse(places);
    return list === true ? parse(text, exact) : list ? restored(parse(text), list) : parse(text);
  }
  function restored(value, places) {
    const holder = { "": value };
    for (const place of places.reverse()) { // of repeated names only the last is there
      const digits = place.pop();
      const name = place.pop();
      const at = place.reduce((at, name) => at?.[name], holder);
      const n = at?.[name];
      if (typeof n === "number" && n === Number(digits) && !Number.isSafeInteger(n)) at[name] = BigInt(digits);
    }
    return holder[""];
  }
  function exact(_, value, { source }) {
    if (typeof value !== "number" || Number.isSafeInteger(value) || !/^-?[0-9]{16,1000}$/.test(source)) return value;
    return BigInt(source);
  }
  Object.defineProperty(BigInt.prototype, "toJSON", {
    value() { return rawJSON(this.toString()); },
    writable: true, configurable: true,
  });

  function deepFreeze(value) {
    if (value !== null && typeof value === "object") values(freeze(value)).forEach(deepFreeze);
    return value;
  }
  const given = { config: deepFreeze(read(configText, configPlaces)), log, drop, fail, console: log };
  for (const name of keys(given)) {
    Object.defineProperty(globalThis, name, { value: given[name], writable: true, configurable: true, enumerable: false });
  }
  log.log = log;

  // An exception as "e", its text, and its stack in the lines below.
  function describe(e) {
    try {
      if (!(e instanceof Error)) return "ethrew " + shown(e) + "\n";
      const others = isArray(e.errors) ? e.errors : e.cause === undefined ? [] : [e.cause];
      return "e" + [e, ...others].map(shown).join("; ") + "\n" + (e.stack ?? "");
    } catch {
      return "ethrew what cannot be shown\n";
    }
  }

  function body(value) {
    if (value === null || value === "") return "n";
    if (typeof value === "string") return "b" + value;
    const text = stringify(value);
    if (text === undefined || text === "null" || text === "{}" && isHollow(value)) {
      return "ereturned " + named(value) + ": want a body, or null to send nothing\n";
    }
    encoded = value;
    return "b" + text;
  }
  function named(value) {
    if (value === undefined || typeof value === "number") return String(value);
    const kind = typeof value === "object" ? kindOf(value) : typeof value;
    return (/^[AEIO]/.test(kind) ? "an " : "a ") + kind;
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
  let late; // the answer, which a promise may change
  let encoded; // what the last body shows in JSON
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
    begun: () => verdict === "n" ? "edropped before there is an event: call drop in the function\n" : verdict ?? problem ?? "b",
    // run takes the event and the places of its long integers. It answers with "b" and a body, "n" for none, "f" and a reason, or "e" for
    // an exception. If jobs of promises follow, settled has the answer.
    run(text, places) {
      counts.fill(0);
      verdict = undefined;
      return late = answer(() => {
        const made = transform(read(text, places));
        if (typeof made?.then !== "function") return body(made);
        Promise.resolve(made).then((value) => {
          late = answer(() => body(value));
        }, (e) => {
          late = describe(e);
        });
        return "ereturned a promise that nothing settles\n";
      });
    },
    settled: () => verdict ?? late,
    // hollow warns of members that JSON shows as {}, among those nearest the top. It calls no getter and no toJSON, which body has called.
    hollow() {
      const found = [encoded];
      let left = 200; // members to look at
      for (let i = 0; i < found.length; i++) {
        const holder = found[i];
        const names = isArray(holder) ? undefined : keys(holder);
        for (let n = 0; n < (names ?? holder).length && left-- > 0; n++) {
          const name = names ? names[n] : n;
          const value = names ? getOwnPropertyDescriptor(holder, name).value : holder[n];
          if (typeof value !== "object" || value === null || typeof value.toJSON === "function") continue;
          if (getPrototypeOf(value) === objectPrototype || isArray(value) || !isHollow(value)) found.push(value);
          else say(2, [`JSON shows {} for ${named(value)}, ${name} of the body`]);
        }
      }
      return "b";
    },
    describe,
    room,
  });
  return [module.begin, module.begun, module.run, module.settled, module.hollow, module.describe, module.room];
})
