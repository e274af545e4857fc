//! All that a transform in Rust needs, without crates: fn message(event: &str) -> Result<String, String> and awf_hook::main!(message);
//! An empty body drops the event. Err fails its delivery for good, for the given reason.
#![allow(dead_code)]
#[link(wasm_import_module = "awf")]
extern "C" {
    #[link_name = "log"] fn awf_log(level: i32, line: *const u8, length: usize);
    #[link_name = "fail"] fn awf_fail(why: *const u8, length: usize);
    #[link_name = "config"] fn awf_config(key: *const u8, key_length: usize, out: *mut u8, capacity: usize) -> i32;
}

pub enum Level { Debug, Info, Warn, Error }
/// Writes a line to awf-hook's log.
pub fn log(level: Level, line: &str) { unsafe { awf_log(level as i32, line.as_ptr(), line.len()) } }

/// A value of the step's `with`: a text as it is, anything else as JSON; "" is all of it.
pub fn config(key: &str) -> Option<String> {
    let read = |out: &mut [u8]| unsafe { awf_config(key.as_ptr(), key.len(), out.as_mut_ptr(), out.len()) };
    let mut out = vec![0; read(&mut []).try_into().ok()?];
    read(&mut out);
    String::from_utf8(out).ok()
}

/// The end of the JSON value at the beginning of the text.
fn end(json: &str) -> usize {
    let (mut depth, mut in_text, mut escaped) = (0, false, false);
    for (i, c) in json.bytes().enumerate() {
        match c {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' if in_text && depth == 0 => return i + 1,
            b'"' => in_text = !in_text,
            _ if in_text => {}
            b'{' | b'[' => depth += 1,
            b',' | b'}' | b']' | b'\t'..=b' ' if depth == 0 => return i,
            b'}' | b']' => { depth -= 1; if depth == 0 { return i + 1 } }
            _ => {}
        }
    }
    json.len()
}

/// The JSON of the value at a path like "payload.status"; "" if there is none.
pub fn get<'a>(json: &'a str, path: &str) -> &'a str {
    let (name, deeper) = path.split_once('.').unwrap_or((path, ""));
    let mut rest = json.trim_start().strip_prefix('{').unwrap_or("").trim_start();
    while rest.starts_with('"') {
        let key = end(rest);
        let value = rest[key..].trim_start().strip_prefix(':').unwrap_or("").trim_start();
        let length = end(value);
        if &rest[1..key - 1] == name { return if deeper.is_empty() { &value[..length] } else { get(&value[..length], deeper) } }
        rest = value[length..].trim_start().trim_start_matches(',').trim_start();
    }
    ""
}

/// The decoded text of a JSON string; "" for any other value.
pub fn text(value: &str) -> String {
    let inner = value.strip_prefix('"').and_then(|s| s.strip_suffix('"')).unwrap_or("");
    if !inner.contains('\\') { return inner.to_string() }
    let (mut units, mut chars) = (Vec::new(), inner.chars());
    while let Some(c) = chars.next() {
        if c != '\\' { units.extend_from_slice(c.encode_utf16(&mut [0; 2])); continue }
        units.push(match chars.next().unwrap_or(c) {
            'n' => 10, 't' => 9, 'r' => 13, 'b' => 8, 'f' => 12,
            'u' => chars.by_ref().take(4).fold(0, |n, c| n << 4 | c.to_digit(16).unwrap_or(0) as u16),
            c => c as u16,
        });
    }
    String::from_utf16_lossy(&units)
}

/// Any text as a JSON string, quotes included.
pub fn quote(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        if c < ' ' { out += &format!("\\u{:04x}", c as u32); continue }
        if c == '"' || c == '\\' { out.push('\\') }
        out.push(c)
    }
    out + "\""
}

static mut BODY: Vec<u8> = Vec::new(); // lives until the next one
#[no_mangle] pub extern "C" fn alloc(size: usize) -> *mut u8 { vec![0; size].leak().as_mut_ptr() }

pub unsafe fn answer(event: *mut u8, length: usize, transform: fn(&str) -> Result<String, String>) -> u64 {
    let event = Vec::from_raw_parts(event, length, length);
    match core::str::from_utf8(&event).map_err(|e| e.to_string()).and_then(transform) {
        Ok(body) if body.is_empty() => return 0,
        Ok(body) => BODY = body.into_bytes(),
        Err(why) => { awf_fail(why.as_ptr(), why.len()); return 0 }
    }
    let body = &*core::ptr::addr_of!(BODY);
    (body.as_ptr() as u64) << 32 | body.len() as u64
}

macro_rules! main {
    ($function:path) => { #[no_mangle] unsafe extern "C" fn transform(at: *mut u8, n: usize) -> u64 { awf_hook::answer(at, n, $function) } };
}
pub(crate) use main;
