/** The script of the timeline. It only shows what the extension sends: no network, no HTML from texts. */

import type { AppliedFix, FromView, ToView, Trace } from "./messages";
import { abstains, began, chip, diffLines, gist, subject, type Step } from "./steps";

declare function acquireVsCodeApi(): {
  postMessage(message: FromView): void;
  getState(): { open?: string } | undefined;
  setState(state: { open?: string }): void;
};

const editor = acquireVsCodeApi();
const traces = byId("traces");
const steps = byId("steps");
const result = byId("result");
let open: string | undefined;
let applied: readonly AppliedFix[] = [];

window.addEventListener("message", (event: MessageEvent<ToView>) => show(event.data));
byId("replay").addEventListener("click", () => {
  if (open === undefined) return;
  result.textContent = "deciding again …";
  result.className = "";
  editor.postMessage({ type: "replay", id: open });
});
editor.postMessage({ type: "ready" });

function show(message: ToView): void {
  switch (message.type) {
    case "traces": {
      if (message.at === "all") traces.replaceChildren();
      const items = message.traces.map(listed);
      if (message.at === "top") traces.prepend(...items);
      else traces.append(...items);
      byId("empty").hidden = traces.childElementCount > 0;
      if (message.at !== "top") more(message.next);
      mark();
      return;
    }
    case "opened":
      open = message.id;
      editor.setState({ open });
      steps.replaceChildren();
      byId("head").hidden = false;
      byId("title").textContent = began(message.id);
      result.textContent = "";
      mark();
      return;
    case "steps":
      if (message.id === open) append(message.steps);
      return;
    case "live":
      byId("live").hidden = !message.isLive;
      return;
    case "replayed":
      if (message.id !== open) return;
      result.textContent = message.text;
      result.className = message.isSame ? "same" : "different";
      return;
    case "payload": {
      const box = document.querySelector(`[data-seq="${message.seq}"] .payload`);
      if (box) box.textContent = message.text;
      return;
    }
    case "applied":
      applied = message.fixes;
      for (const item of steps.querySelectorAll<HTMLElement>("[data-title]")) offerWayBack(item);
      return;
    case "problem":
      byId("problem").textContent = message.text;
  }
}

function listed(trace: Trace): HTMLElement {
  const button = make("button", "trace");
  button.dataset.id = trace.id;
  button.append(make("span", "what", subject(trace.what)), make("span", "when", began(trace.id)));
  button.append(make("span", "outcome", trace.outcome ?? "running"));
  button.addEventListener("click", () => editor.postMessage({ type: "open", id: trace.id }));
  const item = document.createElement("li");
  item.append(button);
  return item;
}

function more(next: string | null): void {
  const button = byId("more") as HTMLButtonElement;
  button.hidden = next === null;
  button.onclick = () => {
    if (next !== null) editor.postMessage({ type: "more", before: next });
  };
}

function mark(): void {
  for (const button of traces.querySelectorAll<HTMLElement>("button")) {
    button.setAttribute("aria-current", String(button.dataset.id === open));
  }
}

function append(added: readonly Step[]): void {
  const isAtEnd = window.innerHeight + window.scrollY >= document.body.scrollHeight - 40;
  const isFirst = steps.childElementCount === 0;
  steps.append(...added.map(drawn));
  if (isAtEnd && !isFirst) window.scrollTo(0, document.body.scrollHeight);
}

function drawn(step: Step): HTMLElement {
  const item = make("li", `step ${step.kind}${abstains(step) ? " abstain" : ""}`);
  item.dataset.seq = String(step.seq);
  const line = make("div", "line");
  line.append(make("span", "t", `${step.t.toFixed(2)} s`), make("span", "kind", step.kind));
  line.append(make("span", "what", step.what));
  if (step.span) line.append(make("span", "span", step.span));
  const sure = chip(step);
  if (sure) {
    const verdict = sure.isEnough === undefined ? "" : sure.isEnough ? " high" : " low";
    line.append(make("span", `chip${verdict}`, sure.text));
  }
  item.append(line);
  const point = gist(step);
  if (point) item.append(make("p", "gist", point));
  if (step.decision) item.append(make("p", "decision", step.decision));
  const changed = diffLines(step);
  if (changed.length) {
    const diff = make("pre", "diff");
    diff.append(...changed.map((row) => make("span", row.kind, `${row.text}\n`)));
    item.append(diff);
  }
  if (step.citations.length) item.append(cited(step.citations));
  const title = titleOf(step);
  if (title) {
    item.dataset.title = title;
    offerWayBack(item);
  }
  if (step.kind === "patch" && step.what === "apply") item.append(wayBack("Take back …", null));
  if (step.input_sha ?? step.output_sha) item.append(payload(step));
  return item;
}

function cited(ids: readonly string[]): HTMLElement {
  const box = document.createElement("details");
  box.className = "citations";
  box.append(make("summary", "", ids.length === 1 ? "1 citation" : `${ids.length} citations`));
  const rows = document.createElement("ul");
  for (const id of ids) {
    const button = make("button", "link", id);
    button.addEventListener("click", () => editor.postMessage({ type: "citation", id }));
    const item = document.createElement("li");
    item.append(button);
    rows.append(item);
  }
  box.append(rows);
  return box;
}

function payload(step: Step): HTMLElement {
  const details = document.createElement("details");
  details.append(make("summary", "", "what went in and came out"), make("pre", "payload"));
  details.addEventListener("toggle", () => {
    const box = details.querySelector("pre");
    if (!details.open || box?.textContent) return;
    const isWhole = (step.input !== null || !step.input_sha) && (step.output !== null || !step.output_sha);
    if (isWhole && box) box.textContent = JSON.stringify({ input: step.input, output: step.output }, null, 2);
    else editor.postMessage({ type: "payload", seq: step.seq, input: step.input_sha, output: step.output_sha });
  });
  return details;
}

function titleOf(step: Step): string | undefined {
  if (step.what !== "offer" && step.what !== "guess") return undefined;
  const title = (step.input as { title?: unknown } | null)?.title;
  return typeof title === "string" ? title : undefined;
}

/** A button beside an offer that was applied in this window. */
function offerWayBack(item: HTMLElement): void {
  item.querySelector(".back")?.remove();
  const fix = applied.find((one) => one.title === item.dataset.title);
  if (fix) item.append(wayBack("Take back", fix.fix));
}

function wayBack(label: string, fix: number | null): HTMLElement {
  const button = make("button", "back", label);
  button.addEventListener("click", () => editor.postMessage({ type: "takeBack", fix }));
  return button;
}

function make(tag: string, name: string, text?: string): HTMLElement {
  const element = document.createElement(tag);
  if (name) element.className = name;
  if (text !== undefined) element.textContent = text;
  return element;
}

function byId(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (!found) throw new Error(`no element ${id}`);
  return found;
}
