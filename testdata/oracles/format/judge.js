// Reads messages, one JSON object {"format", "body"} a line, and answers one line each: "ok", or what a client library finds wrong.
import { createInterface } from "node:readline";
import { EmbedBuilder, embedLength } from "@discordjs/builders";
import * as commonmark from "commonmark";
import { createRequire } from "node:module";
import splunkLogging from "splunk-logging";

const { parse } = createRequire(import.meta.url)("@rocket.chat/message-parser");
const adaptive = createRequire(import.meta.url)("adaptivecards/dist/adaptivecards.js"); // what main names needs a bundler

function discord(body) {
  for (const data of body.embeds) {
    const embed = new EmbedBuilder();
    if (data.title !== undefined) embed.setTitle(data.title);
    if (data.description !== undefined) embed.setDescription(data.description);
    if (data.url !== undefined) embed.setURL(data.url);
    if (data.fields !== undefined) embed.addFields(...data.fields);
    embed.setColor(data.color).setTimestamp(new Date(data.timestamp));
    const made = embed.toJSON();
    for (const key of Object.keys(data)) {
      if (made[key] === undefined) return `the embed's ${key} is not known`;
    }
    if (embedLength(made) > 6000) return `the embed has ${embedLength(made)} characters`;
  }
  return "ok";
}

function teams(body) {
  const card = new adaptive.AdaptiveCard();
  const context = new adaptive.SerializationContext(adaptive.Versions.v1_5);
  card.parse(body.attachments[0].content, context);
  if (context.eventCount > 0) return context.getEventAt(0).message;
  const events = card.validateProperties().validationEvents;
  if (events.length > 0) return events[0].message;
  // What the parser did not know is not there when the card is written again.
  const lost = missing("card", body.attachments[0].content, card.toJSON());
  return lost === "" ? "ok" : lost;
}

function missing(path, ours, theirs) {
  if (["$schema", "version", "msteams"].some((name) => path === "card." + name)) return "";
  if (typeof ours !== "object" || ours === null) {
    const same = typeof ours === "string" && typeof theirs === "string" ? ours.toLowerCase() === theirs.toLowerCase() : ours === theirs;
    return same ? "" : `${path} is ${theirs}, was ${ours}`;
  }
  if (theirs === undefined) return `${path} is not known`;
  for (const key of Object.keys(ours)) {
    const lost = missing(`${path}.${key}`, ours[key], theirs[key]);
    if (lost !== "") return lost;
  }
  return "";
}

const collector = new splunkLogging.Logger({ token: "00000000-0000-0000-0000-000000000000" });

function splunk(body) {
  const { event, ...metadata } = body;
  const made = collector._makeBody({ message: event, metadata });
  made.event = made.event.message;
  return missing("event", { ...body, time: Number(body.time) }, { ...made, time: Number(made.time) }) || "ok";
}

// calls are the mentions of the tests' options.
const calls = ["@alice", "@here", "@all"];

// headline is the text of a message without its mentions.
const headline = (body) => calls.reduce((text, call) => text.replace(` ${call}`, ""), body.text);

// beforeCode is a text without the error's code at its end.
const beforeCode = (text = "") => text.split("```\n")[0];

// attached are the texts of a message's attachments.
function attached(body) {
  return (body.attachments ?? []).flatMap(({ title = "", text, fields = [] }) =>
    [title, beforeCode(text), ...fields.flatMap(({ title = "", value = "" }) => [title, value])]);
}

// rocketchat looks for what Rocket.Chat's own parser makes of the texts. Only the headline is bold, and only the error is code.
function rocketchat(body) {
  const head = headline(body);
  const texts = [head.slice(1, -1), ...attached(body)];
  const plain = new Set(["PARAGRAPH", "LINE_BREAK", "PLAIN_TEXT", "EMOJI", "BIG_EMOJI"]);
  for (const text of texts.filter((text) => text !== "")) {
    const parts = [...parse(text, { katex: { dollarSyntax: true, parenthesisSyntax: true } })];
    for (let part = parts.pop(); part !== undefined; part = parts.pop()) {
      const isURL = part.type === "LINK" && part.value.label.map((l) => l.value).join("").includes(part.value.src.value.replace(/^(\/\/|mailto:)/, ""));
      if (!plain.has(part.type) && !isURL) return `${part.type} in ${text}`;
      if (part.type === "PARAGRAPH") parts.push(...part.value);
    }
  }
  const [{ value: [bold, ...others] }] = parse(head);
  return bold.type === "BOLD" && others.length === 0 ? "ok" : `more or less than a bold headline: ${head}`;
}

// markdown looks for what CommonMark makes of the texts, apart from the bold headline and the error's code.
function markdown(texts) {
  const reader = new commonmark.Parser();
  for (const text of texts) {
    const walker = reader.parse(text).walker();
    for (let step = walker.next(); step !== null; step = walker.next()) {
      if (!["document", "paragraph", "text", "softbreak", "linebreak"].includes(step.node.type)) return `${step.node.type} in ${text}`;
    }
  }
  return "ok";
}

const mattermost = (body) => markdown([headline(body).slice(2, -2), ...attached(body)]);
const incidentio = (body) => markdown([beforeCode(body.description)]);
const oncall = ({ title = "", message = "" }) => markdown([title, message]);

const judges = { discord, teams, splunk, rocketchat, mattermost, incidentio, oncall };
for await (const line of createInterface({ input: process.stdin })) {
  const { format, body } = JSON.parse(line);
  let answer;
  try {
    answer = judges[format](body);
  } catch (err) {
    answer = String(err.message ?? err).replaceAll("\n", " ").slice(0, 500);
  }
  console.log(answer);
}
