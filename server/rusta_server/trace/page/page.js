"use strict";
// The timeline of a trace. The token comes in the address's fragment, which browsers never send.
const token = (() => {
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (given) {
    sessionStorage.setItem("token", given);
    history.replaceState(null, "", location.pathname + location.search);
  }
  return given || sessionStorage.getItem("token") || "";
})();
const $ = (id) => document.getElementById(id);
const state = (text) => { $("state").textContent = text; };
let current = null; // {id, stop}

async function ask(path, options = {}) {
  const answer = await fetch(path, { ...options, headers: { Authorization: `Bearer ${token}`, ...options.headers } });
  if (!answer.ok) {
    const problem = await answer.json().catch(() => ({ detail: answer.statusText }));
    throw new Error(problem.detail);
  }
  return answer;
}

async function list(before) {
  const query = before ? `?before=${encodeURIComponent(before)}` : "";
  const page = await (await ask(`/traces${query}`)).json();
  for (const trace of page.traces) {
    const link = document.createElement("a");
    link.href = `?trace=${trace.id}`;
    link.dataset.id = trace.id;
    link.append(`${trace.what ?? "?"} · ${when(trace.id)}`);
    const small = document.createElement("small");
    small.textContent = trace.outcome ?? "";
    link.append(small);
    link.addEventListener("click", (event) => { event.preventDefault(); open(trace.id); });
    const item = document.createElement("li");
    item.append(link);
    $("traces").append(item);
  }
  $("more").hidden = !page.next;
  $("more").onclick = () => list(page.next).catch(complain);
  return page.traces;
}

function when(id) {
  const [, y, mo, d, h, mi] = id.match(/(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)/);
  return `${y}-${mo}-${d} ${h}:${mi} UTC`;
}

async function open(id) {
  current?.stop.abort();
  current = { id, stop: new AbortController() };
  const mine = current;
  for (const link of document.querySelectorAll("nav a")) link.setAttribute("aria-current", String(link.dataset.id === id));
  history.replaceState(null, "", `?trace=${id}`);
  $("steps").replaceChildren();
  head(id);
  let next = 0;
  for (let tries = 0; tries < 50 && !mine.stop.signal.aborted; tries++) {
    try {
      for await (const step of follow(id, next, mine.stop.signal)) {
        if (step.seq < next) continue;
        $("steps").append(render(step));
        next = step.seq + 1;
        tries = 0;
      }
    } catch (error) {
      if (mine.stop.signal.aborted) return;
      state(error.message);
      if (error.broken) return;
    }
    await new Promise((done) => setTimeout(done, 1000));
  }
}

async function* follow(id, next, signal) {
  const answer = await ask(`/stream?trace=${id}&from=${next}`, { signal });
  state("live");
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const events = (rest + value).split("\n\n");
    rest = events.pop();
    for (const event of events) {
      const data = event.split("\n").find((line) => line.startsWith("data: "))?.slice(6);
      if (data === undefined) continue;
      if (event.includes("event: broken")) throw Object.assign(new Error(`broken: ${JSON.parse(data)}`), { broken: true });
      yield JSON.parse(data);
    }
  }
}

function head(id) {
  const title = document.createElement("strong");
  title.textContent = id;
  const button = document.createElement("button");
  button.textContent = "replay";
  const result = document.createElement("span");
  result.className = "result";
  button.onclick = async () => {
    result.textContent = "replaying …";
    try {
      const told = await (await ask(`/replay/${id}`, { method: "POST" })).json();
      result.textContent = told.difference ? `✗ ${told.difference}` : `✓ the same again: ${told.n_same} decisions`;
    } catch (error) { result.textContent = error.message; }
  };
  $("head").replaceChildren(title, button, result);
}

function render(step) {
  const item = $("step").content.firstElementChild.cloneNode(true);
  const part = (name) => item.querySelector(name);
  const show = (name, text) => { if (text) { part(name).textContent = text; part(name).hidden = false; } };
  const abstains = ["abstain", "guess", "refuse"].includes(step.what);
  item.classList.add(step.kind);
  if (abstains) item.classList.add("abstain");
  part(".t").textContent = `${step.t.toFixed(2)} s`;
  part(".kind").textContent = step.kind;
  part(".what").textContent = step.what;
  part(".span").textContent = step.span ?? "";
  if (step.p !== null) {
    const chip = part(".chip");
    chip.hidden = false;
    // Nothing is certain, so nothing is rounded up to 1.
    chip.textContent = `p ${Math.min(step.p, 0.99).toFixed(2)}${step.tau === null ? "" : ` · τ ${step.tau.toFixed(2)}`}`;
    if (step.tau !== null) chip.classList.add(step.p >= step.tau ? "high" : "low");
  }
  show(".gist", gist(step));
  show(".decision", step.decision);
  if (step.kind === "patch" && step.input?.diff) diff(part(".diff"), step.input.diff);
  for (const id of step.citations) part(".citations").append(citation(id, step.input?.quotes?.[id]));
  part(".citations").hidden = !step.citations.length;
  payload(item.querySelector("details"), step);
  return item;
}

function gist(step) {
  const { input, output } = step;
  if (step.what === "try") return input?.moves?.map((move) => move.title).join("; ");
  if (step.what === "cargo.check" && output?.diagnostics) {
    const n = output.diagnostics.filter((one) => one.level === "error" && one.spans?.length).length;
    return n === 1 ? "1 error" : `${n} errors`;
  }
  if (step.what === "cargo.test" && output?.n_passed !== undefined) return `${output.n_passed} passed, ${output.n_failed} failed`;
  if (step.kind === "patch") return input?.title;
  return "";
}

function diff(target, text) {
  target.hidden = false;
  for (const line of text.split("\n")) {
    const row = document.createElement("span");
    row.className = line.startsWith("@@") ? "hunk" : line.startsWith("+") ? "add" : line.startsWith("-") ? "del" : "";
    row.textContent = `${line}\n`;
    target.append(row);
  }
}

function citation(id, recorded) {
  const item = document.createElement("li");
  const button = document.createElement("button");
  button.textContent = id;
  button.onclick = async () => {
    if (item.querySelector("blockquote")) { item.querySelector("blockquote").remove(); return; }
    const quote = document.createElement("blockquote");
    try {
      const anchor = await (await ask(`/anchors/${encodeURIComponent(id)}`)).json();
      quote.textContent = `“${anchor.quote}” (${anchor.state ?? "valid"})`;
    } catch (error) {
      quote.textContent = recorded ? `“${recorded}” (as recorded)` : error.message;
    }
    item.append(quote);
  };
  item.append(button);
  return item;
}

function payload(details, step) {
  if (!step.input_sha && !step.output_sha) return;
  details.hidden = false;
  details.addEventListener("toggle", async () => {
    const box = details.querySelector("pre");
    if (!details.open || box.textContent) return;
    try {
      const whole = async (value, sha) => value ?? (sha ? await (await ask(`/payloads/${sha}`)).json() : null);
      const told = { input: await whole(step.input, step.input_sha), output: await whole(step.output, step.output_sha) };
      box.textContent = JSON.stringify(told, null, 2);
    } catch (error) { box.textContent = error.message; }
  });
}

function complain(error) { state(error.message); }

(async () => {
  if (!token) { state("no token: open the address that `rusta trace serve` printed"); return; }
  const traces = await list();
  state(traces.length ? "ready" : "no traces yet: rusta fix leaves one");
  const wanted = new URLSearchParams(location.search).get("trace") ?? traces[0]?.id;
  if (wanted) await open(wanted);
})().catch(complain);
