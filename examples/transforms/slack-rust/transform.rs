// A message in a Slack channel for each run that ended.
mod awf_hook;
use awf_hook::{get, quote, text};

awf_hook::main!(message);

/// Keeps Slack from reading mentions and links in a text.
fn mrkdwn(s: &str) -> String {
    s.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn message(event: &str) -> Result<String, String> {
    let payload = get(event, "payload");
    let status = text(get(payload, "status"));
    let (sign, color) = match status.as_str() {
        "success" => ("✅", "#2ecc71"),
        "cancelled" => ("🛑", "#f39c12"),
        "failure" => ("🔴", "#e74c3c"),
        _ => return Ok(String::new()),
    };
    let title = [sign, " ", &text(get(event, "workflow_name")), ": ", &status].concat();

    let mut parts = String::new();
    let error = text(get(payload, "error"));
    if !error.is_empty() {
        parts = [r#"{"type":"rich_text_section","elements":[{"type":"text","text":"#, &quote(&error), "}]},"].concat();
    }
    let mut run = [": ", &text(get(event, "workflow_id"))].concat();
    let mut more = String::new();
    let inputs = get(payload, "inputs");
    if !inputs.is_empty() {
        run.push('\n');
        let shown = quote(&[": ", inputs].concat());
        more = [r#",{"type":"text","style":{"bold":true},"text":"Inputs"},{"type":"text","text":"#, &shown, "}"].concat();
    }
    parts = [
        &parts, r#"{"type":"rich_text_section","elements":[{"type":"text","style":{"bold":true},"text":"Run"},{"type":"text","text":"#,
        &quote(&run), "}", &more, "]}",
    ].concat();

    Ok([
        r#"{"text":"#, &quote(&mrkdwn(&title)),
        r#","blocks":[{"type":"header","text":{"type":"plain_text","emoji":false,"text":"#, &quote(&title),
        r#"}}],"attachments":[{"color":""#, color, r#"","blocks":[{"type":"rich_text","elements":["#, &parts, "]}]}]}",
    ].concat())
}
