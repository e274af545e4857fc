//! A message for a chat of an event, by serde_json.
use serde_json::{json, Value};
use std::alloc::{alloc as allocate, Layout};

#[link(wasm_import_module = "awf")]
extern "C" {
    fn fail(text: *const u8, length: usize);
}

#[no_mangle]
pub extern "C" fn alloc(size: usize) -> *mut u8 {
    unsafe { allocate(Layout::from_size_align_unchecked(size, 1)) }
}

#[no_mangle]
pub extern "C" fn transform(at: *mut u8, length: usize) -> u64 {
    let event = unsafe { Vec::from_raw_parts(at, length, length) };
    let body = match reshape(&event) {
        Ok(body) => body,
        Err(e) => {
            let text = e.to_string();
            unsafe { fail(text.as_ptr(), text.len()) };
            return 0;
        }
    };
    // The host copies it before it calls again.
    static mut LAST: Vec<u8> = Vec::new();
    unsafe {
        LAST = body;
        (LAST.as_ptr() as u64) << 32 | LAST.len() as u64
    }
}

fn reshape(event: &[u8]) -> Result<Vec<u8>, serde_json::Error> {
    let e: Value = serde_json::from_slice(event)?;
    let text = |v: &Value| v.as_str().unwrap_or("").to_string();
    serde_json::to_vec(&json!({
        "text": format!("{}: {}", text(&e["workflow_name"]), text(&e["event"])),
        "attachments": [{"fields": [
            {"title": "id", "value": e["workflow_id"]},
            {"title": "at", "value": e["timestamp"]},
            {"title": "duration", "value": e["payload"]["duration"]},
            {"title": "error", "value": text(&e["payload"]["error"])},
        ]}],
    }))
}
