// Reads messages, one JSON object {"format", "body"} a line, and answers one line each: "ok", or what a client library finds wrong.
import { createInterface } from "node:readline";
import { EmbedBuilder, embedLength } from "@discordjs/builders";
import { createRequire } from "node:module";
import splunkLogging from "splunk-logging";

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

const judges = { discord, teams, splunk };
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
