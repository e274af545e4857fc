// All that a transform in AssemblyScript needs. A transform is
//     function message(event: string): string { … }
//     export { alloc } from "./awf_hook";
//     export function transform(at: usize, length: i32): u64 { return answer(message(event(at, length))); }
// An empty body drops the event. fail(why) fails its delivery for good, whatever the body is.

@external("awf", "log") declare function awfLog(level: i32, line: usize, length: i32): void;
@external("awf", "fail") declare function awfFail(why: usize, length: i32): void;
@external("awf", "config") declare function awfConfig(key: usize, keyLength: i32, out: usize, capacity: i32): i32;

export enum Level { Debug, Info, Warn, Error }

/** Writes a line to awf-hook's log. */
export function log(level: Level, line: string): void { awfLog(level, utf8(line), room.byteLength); }

/** Fails the delivery for this reason. */
export function fail(why: string): void { awfFail(utf8(why), room.byteLength); }

/** A value of the step's `with`: a text as it is, anything else as JSON, null for none; "" is all of it. */
export function config(key: string): string | null {
  const length = awfConfig(utf8(key), room.byteLength, 0, 0);
  if (length < 0) return null;
  const value = new ArrayBuffer(length);
  awfConfig(changetype<usize>(room), room.byteLength, changetype<usize>(value), length);
  return String.UTF8.decode(value);
}

/** The end of the JSON value that begins at i. */
function end(json: string, i: i32): i32 {
  for (let depth = 0; i < json.length; i++) {
    const c = json.charCodeAt(i);
    if (c == 0x22) {
      for (i++; i < json.length && json.charCodeAt(i) != 0x22; i++) if (json.charCodeAt(i) == 0x5c) i++;
      if (!depth) return i + 1;
    } else if (c == 0x7b || c == 0x5b) depth++; // { [
    else if (!depth && (c == 0x2c || c == 0x7d || c == 0x5d || c <= 0x20)) return i; // , } ]
    else if ((c == 0x7d || c == 0x5d) && !--depth) return i + 1;
  }
  return json.length;
}

function space(json: string, i: i32): i32 {
  while (i < json.length && json.charCodeAt(i) <= 0x20) i++;
  return i;
}

/** The JSON of the value at a path like "payload.status"; "" if there is none. */
export function get(json: string, path: string): string {
  const dot = path.indexOf("."), name = dot < 0 ? path : path.substring(0, dot);
  let i = space(json, 0);
  if (json.charCodeAt(i) != 0x7b) return "";
  for (i = space(json, i + 1); json.charCodeAt(i) == 0x22;) {
    const after = end(json, i), from = space(json, space(json, after) + 1), to = end(json, from);
    if (json.substring(i + 1, after - 1) == name) {
      const value = json.substring(from, to);
      return dot < 0 ? value : get(value, path.substring(dot + 1));
    }
    i = space(json, to);
    if (json.charCodeAt(i) == 0x2c) i = space(json, i + 1);
  }
  return "";
}

/** The decoded text of a JSON string; "" for any other value. */
export function text(value: string): string {
  if (value.charCodeAt(0) != 0x22) return "";
  const parts: string[] = []; // adding to one text would copy it for each escape
  let from = 1, at: i32;
  while ((at = value.indexOf("\\", from)) >= 0) {
    const c = value.charAt(at + 1), simple = "ntrbf".indexOf(c);
    parts.push(value.substring(from, at)); parts.push(c == "u" ? String.fromCharCode(<i32>parseInt(value.substring(at + 2, at + 6), 16)) : simple < 0 ? c : "\n\t\r\b\f".charAt(simple));
    from = at + (c == "u" ? 6 : 2);
  }
  parts.push(value.substring(from, value.length - 1)); return parts.join("");
}

/** Any text as a JSON string, quotes included. */
export function quote(text: string): string {
  const parts: string[] = ['"']; let from = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i), lone = (c & 0xfc00) == 0xdc00 ? i == 0 || (text.charCodeAt(i - 1) & 0xfc00) != 0xd800 : (c & 0xfc00) == 0xd800 && (text.charCodeAt(i + 1) & 0xfc00) != 0xdc00;
    if (c >= 0x20 && c != 0x22 && c != 0x5c && !lone) continue;
    parts.push(text.substring(from, i)); parts.push(c < 0x20 || lone ? "\\u" + c.toString(16).padStart(4, "0") : "\\" + text.charAt(i));
    from = i + 1;
  }
  parts.push(text.substring(from)); parts.push('"'); return parts.join("");
}

let room: ArrayBuffer = new ArrayBuffer(0); // holds the event, then the text for the host

export function alloc(size: i32): usize {
  __collect(); // the previous event's garbage, which nothing else collects
  return changetype<usize>(room = new ArrayBuffer(size));
}

function utf8(s: string): usize { return changetype<usize>(room = String.UTF8.encode(s)); }

export function event(at: usize, length: i32): string { return String.UTF8.decodeUnsafe(at, length); }

export function answer(body: string): u64 { return body == "" ? 0 : <u64>utf8(body) << 32 | room.byteLength; }
