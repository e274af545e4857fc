// A message in a Slack channel for each run that ended.
#include "awf_hook.h"

// put_mrkdwn keeps Slack from reading mentions and links in a text.
static void put_mrkdwn(awf_str text) {
	awf_str piece;
	for (int c; (c = awf_next(&text, &piece)) >= 0;) {
		if (c == '&') AWF_PUT("&amp;");
		else if (c == '<') AWF_PUT("&lt;");
		else if (c == '>') AWF_PUT("&gt;");
		else awf_put(piece);
	}
}

static void transform(awf_str event) {
	awf_str id = awf_text(awf_get(event, AWF_STR("workflow_id")));
	awf_str name = awf_text(awf_get(event, AWF_STR("workflow_name")));
	awf_str payload = awf_get(event, AWF_STR("payload"));
	awf_str status = awf_text(awf_get(payload, AWF_STR("status")));
	awf_str error = awf_text(awf_get(payload, AWF_STR("error")));
	awf_str inputs = awf_get(payload, AWF_STR("inputs"));
	awf_str sign, color;
	if (awf_is(status, AWF_STR("success"))) sign = AWF_STR("✅ "), color = AWF_STR("#2ecc71");
	else if (awf_is(status, AWF_STR("cancelled"))) sign = AWF_STR("🛑 "), color = AWF_STR("#f39c12");
	else if (awf_is(status, AWF_STR("failure"))) sign = AWF_STR("🔴 "), color = AWF_STR("#e74c3c");
	else return;

	AWF_PUT("{\"text\":\""), awf_put(sign), put_mrkdwn(name), AWF_PUT(": "), awf_put(status);
	AWF_PUT("\",\"blocks\":[{\"type\":\"header\",\"text\":{\"type\":\"plain_text\",\"emoji\":false,\"text\":\"");
	awf_put(sign), awf_put(name), AWF_PUT(": "), awf_put(status);
	AWF_PUT("\"}}],\"attachments\":[{\"color\":\""), awf_put(color);
	AWF_PUT("\",\"blocks\":[{\"type\":\"rich_text\",\"elements\":[");
	if (error.length) {
		AWF_PUT("{\"type\":\"rich_text_section\",\"elements\":[{\"type\":\"text\",\"text\":\""), awf_put(error);
		AWF_PUT("\"}]},");
	}
	AWF_PUT("{\"type\":\"rich_text_section\",\"elements\":[{\"type\":\"text\",\"style\":{\"bold\":true},\"text\":\"Run\"},");
	AWF_PUT("{\"type\":\"text\",\"text\":\": "), awf_put(id);
	if (inputs.length) {
		AWF_PUT("\\n\"},{\"type\":\"text\",\"style\":{\"bold\":true},\"text\":\"Inputs\"},");
		AWF_PUT("{\"type\":\"text\",\"text\":\": "), awf_put_quoted(inputs);
	}
	AWF_PUT("\"}]}]}]}]}");
}
AWF_TRANSFORM(transform)
