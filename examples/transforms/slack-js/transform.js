// A message in a Slack channel for each run that ended.
const looks = {
  success: { sign: "✅", color: "#2ecc71" },
  failure: { sign: "🔴", color: "#e74c3c" },
  cancelled: { sign: "🛑", color: "#f39c12" },
};

// Keeps Slack from reading mentions and links in a text.
const mrkdwn = (s) => s.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

const text = (text, style) => ({ type: "text", ...(style && { style }), text });
const section = (...elements) => ({ type: "rich_text_section", elements });

export default function (event) {
  const { status, error, inputs } = event.payload;
  const look = looks[status];
  if (!look) return null; // nothing is sent

  const title = `${look.sign} ${event.workflow_name}: ${status}`;
  const bold = { bold: true };
  const run = [text("Run", bold), text(": " + event.workflow_id + (inputs ? "\n" : ""))];
  if (inputs) run.push(text("Inputs", bold), text(": " + JSON.stringify(inputs)));

  return {
    text: mrkdwn(title),
    blocks: [{ type: "header", text: { type: "plain_text", emoji: false, text: title } }],
    attachments: [{
      color: look.color,
      blocks: [{ type: "rich_text", elements: [...(error ? [section(text(error))] : []), section(...run)] }],
    }],
  };
}
