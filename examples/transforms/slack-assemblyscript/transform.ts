// A message in a Slack channel for each run that ended.
import { answer, event, get, quote, text } from "./awf_hook";
export { alloc } from "./awf_hook";

export function transform(at: usize, length: i32): u64 { return answer(message(event(at, length))); }

/** Keeps Slack from reading mentions and links in a text. */
function mrkdwn(s: string): string {
  return s.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

function message(event: string): string {
  const payload = get(event, "payload");
  const status = text(get(payload, "status"));
  let sign = "✅ ", color = "#2ecc71";
  if (status == "cancelled") sign = "🛑 ", color = "#f39c12";
  else if (status == "failure") sign = "🔴 ", color = "#e74c3c";
  else if (status != "success") return "";
  const title = sign + text(get(event, "workflow_name")) + ": " + status;

  let parts = "";
  const error = text(get(payload, "error"));
  if (error != "") {
    parts = '{"type":"rich_text_section","elements":[{"type":"text","text":' + quote(error) + "}]},";
  }
  let run = ": " + text(get(event, "workflow_id")), more = "";
  const inputs = get(payload, "inputs");
  if (inputs != "") {
    run += "\n";
    more = ',{"type":"text","style":{"bold":true},"text":"Inputs"},{"type":"text","text":' + quote(": " + inputs) + "}";
  }
  parts += '{"type":"rich_text_section","elements":[{"type":"text","style":{"bold":true},"text":"Run"},{"type":"text","text":';
  parts += quote(run) + "}" + more + "]}";

  return '{"text":' + quote(mrkdwn(title)) +
    ',"blocks":[{"type":"header","text":{"type":"plain_text","emoji":false,"text":' + quote(title) +
    '}}],"attachments":[{"color":"' + color + '","blocks":[{"type":"rich_text","elements":[' + parts + "]}]}]}";
}
