// Requests to the server. A request fails in one of two ways, and callers treat them differently: a refusal is final,
// everything else (no connection, a restart, a full disk, an expired key) is worth another try. A refusal is in the
// server's own words: an answer without them, to something garbled or from a proxy, must not cost a decision. If the server
// fails (500) over one sample, it will fail again, so that is a fault of the sample: final, too.

const PATIENCE = 10000; // milliseconds before a request counts as failed
const DECODING = 60000; // the same for a sample, which may be a large photograph

export class Refused extends Error {} // the server understood and said no: asking again would not help
export class Waiting extends Error {} // worth another try
export class Away extends Waiting {} // the data are not there now: what was decided holds if they come back

export async function ask(path, body) {
  const options = { signal: AbortSignal.timeout(path.startsWith("samples/") ? DECODING : PATIENCE) };
  if (body) Object.assign(options, { method: "POST", body: JSON.stringify(body), headers: { "Content-Type": "application/json" } });
  let response;
  try {
    response = await fetch(path, options);
    if (response.ok) return path.startsWith("samples/") ? response : await response.json();
  } catch {
    throw new Waiting("The server cannot be reached.");
  }
  const words = await response.json().catch(() => null), own = typeof words?.error === "string";
  const error = own ? words.error : `The server answered ${response.status}.`, sample = path.startsWith("samples/");
  if (response.status === 410 && own) throw new Away(error);
  if (response.status === 500 && sample) throw new Refused(error);
  if (own && words.final) throw new Refused(error); // this person may not do it: asking again would not help
  if (response.status < 500 && (own || sample) && ![401, 403, 408, 421, 429].includes(response.status)) throw new Refused(error);
  throw new Waiting(error);
}

export function release(person, tab) { // gives back what this window holds; it must survive the window, hence keepalive
  const body = JSON.stringify({ person, tab });
  fetch("api/release", { method: "POST", keepalive: true, body, headers: { "Content-Type": "application/json" } }).catch(() => {});
}
