// Passes events on without the values of the members that the configuration names.
const secret = new Set(config.keys);

export default function redact(value) {
  if (Array.isArray(value)) return value.map(redact);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, v]) => [key, secret.has(key) ? "[redacted]" : redact(v)]));
}
