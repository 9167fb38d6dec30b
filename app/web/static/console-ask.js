// Ask: the answer as it is made. Without this script the form brings the page with the whole answer.
//
//   submit -> POST the form for server-sent events -> pieces into #coming's copy, as text -> view: the finished answer
//
// Whatever comes from data is put in with textContent and append; only `view`, which the server rendered, is markup.
(() => {
  const QUIET_MS = 25000; // the server sends a comment every 10 s
  const SHOWN_AFTER_MS = 250; // an answer that is there sooner takes the place of the last one at once
  const UNNAMED_MS = 2000; // that Stop waits for a stream's name
  const MOST_CUTS = 4;
  const get = (id) => document.getElementById(id);
  const main = document.querySelector("form.ask"), field = get("question"), answer = get("answer");
  let turn = null;

  document.addEventListener("submit", (event) => {
    if (!event.target.matches("form[data-ask]")) return;
    event.preventDefault();
    if (!turn) ask(event.target, event.submitter);
  });
  get("stop").addEventListener("click", () => stop(turn));
  addEventListener("pagehide", () => turn?.stream && end(turn));

  async function ask(form, submitter) {
    const fields = new FormData(form);
    if (submitter?.name) fields.set(submitter.name, submitter.value);
    turn = { body: new URLSearchParams(fields), question: fields.get("question"), began: Date.now() };
    field.value = turn.question;
    working(true);
    say("Sending");
    const ticking = setInterval(() => tick(turn), 250);
    const late = setTimeout(() => draft(turn), SHOWN_AFTER_MS);
    try {
      await follow(turn);
    } catch (error) {
      turn.problem = error.title ? error : problem("The page could not show the answer.", String(error));
    }
    clearInterval(ticking);
    clearTimeout(late);
    const ended = turn;
    turn = null;
    finish(ended);
  }

  // ---- From the server

  /** Reads to the end; goes on after the last event when the connection is cut. */
  async function follow(t) {
    for (let cuts = 0; ; cuts++) {
      const before = t.last;
      try {
        await read(t);
      } catch (error) {
        if (error.title) throw error;
      }
      if (t.view || t.problem || t.stopped) return;
      if (t.last !== before) cuts = 0;
      if (!t.last) throw problem("The server cannot be reached.", "Look at your connection, then ask again.");
      if (cuts === MOST_CUTS) throw problem("The connection was lost.", "Look at your connection, then ask again.");
      t.lost = true;
      say("Connection lost, trying again");
      await new Promise((done) => setTimeout(done, 400 * 2 ** cuts));
      if (t.stopped) return;
    }
  }

  async function read(t) {
    t.control = new AbortController();
    const headers = { accept: "text/event-stream" };
    if (t.last) headers["last-event-id"] = t.last;
    let timer;
    const watch = () => { clearTimeout(timer); timer = setTimeout(() => t.control.abort(), QUIET_MS); };
    watch();
    try {
      const sent = { method: "POST", body: t.body, headers, signal: t.control.signal, cache: "no-store" };
      const response = await fetch(main.action, sent), kind = response.headers.get("content-type") ?? "";
      if (response.status !== 200 || !kind.startsWith("text/event-stream")) throw await refusal(response);
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      for (let rest = ""; ; ) {
        const { value, done } = await reader.read();
        if (done) return;
        watch();
        const blocks = (rest + value).split("\n\n");
        rest = blocks.pop();
        blocks.forEach((block) => take(t, block));
      }
    } finally {
      clearTimeout(timer);
    }
  }

  /** Why there are no events: the error that the server tells, or what stands between answered in its place. */
  async function refusal(response) {
    const error = await response.json().then((body) => body.error, () => null);
    const said = `The server answered with status ${response.status} and no answer.`;
    const found = error?.message ? problem(error.message, error.hint) : problem(said, "Try again in a moment.");
    return { ...found, login: response.status === 401 };
  }

  const problem = (message, hint) => ({ title: "No answer", message, hint });

  function take(t, block) {
    const fields = {};
    for (const line of block.split("\n")) {
      const [name, ...value] = line.split(": ");
      fields[name] = value.join(": ");
    }
    if (!fields.id || t.view || t.problem) return;
    const stream = fields.id.split(".")[0], content = JSON.parse(fields.data);
    if (t.stream && t.stream !== stream) t.draft?.remove(), (t.draft = null); // begun anew: drop what was told
    t.stream = stream;
    t.last = fields.id;
    if (t.stopping && !t.ending) end(t);
    if (t.lost && !t.stopping) say(t.label);
    t.lost = false;
    try {
      show[fields.event]?.(t, content);
    } catch (error) {
      throw problem("The page could not show the answer.", String(error));
    }
  }

  /** Stop: the server is told by the stream's name, which comes with the first event. */
  function stop(t) {
    if (!t || t.stopping) return;
    t.stopping = true;
    say("Stopping");
    if (t.stream) end(t);
    else setTimeout(() => t.stream || leave(t), UNNAMED_MS);
  }

  async function end(t) {
    t.ending = true;
    const reply = await fetch(`/console/ask/${t.stream}`, { method: "DELETE", keepalive: true }).catch(() => null);
    t.ended ||= reply?.status === 204;
    leave(t);
  }

  function leave(t) {
    if (t.view || t.problem) return;
    t.stopped = true;
    t.control.abort();
  }

  // ---- Into the page

  const show = {
    status(t, { label }) {
      t.label = label;
      if (!t.stopping) say(label);
    },
    plan(t, { route, confidence, why, plan, chart }) {
      fill(t, { route, why, computed: plan, confidence: `${Math.round(confidence * 100)} %` });
      draft(t).querySelector("progress").value = confidence;
      reveal(t, "plan");
      if (plan) reveal(t, "computed");
      draft(t).querySelector("figure").hidden = !chart; // its place is kept
    },
    sql(t, { dialect, source, tokens }) {
      fill(t, { dialect, source });
      const pieces = tokens.map(([kind, text]) => (kind ? made("span", kind, text) : text));
      reveal(t, "sql").querySelector("code").replaceChildren(...pieces);
    },
    rows(t, { columns, rows, truncated }) {
      const table = reveal(t, "rows").querySelector("table");
      const kinds = columns.map(([, type]) => (type === "integer" || type === "number" ? "number" : ""));
      const head = columns.map(([name, type], at) => {
        const cell = made("th", kinds[at], made("bdi", "", name), " ", made("span", "type", type));
        cell.scope = "col";
        return cell;
      });
      const value = (text) => (text === null ? made("span", "fine", "null") : made("bdi", "", text));
      const line = (row) => made("tr", "", ...row.map((text, at) => made("td", kinds[at], value(text))));
      table.tHead.rows[0].replaceChildren(...head);
      table.tBodies[0].replaceChildren(...rows.map(line));
      if (truncated) reveal(t, "rows").append(made("p", "fine", "There are more rows."));
    },
    citation(t, { n, quote, title, place, link }) {
      const linked = made("a", "", made("bdi", "", title));
      linked.setAttribute("href", link.startsWith("/console/") ? link : "/console/sources");
      const below = made("p", "fine", linked, " · ", made("bdi", "", place));
      const item = made("li", "", made("blockquote", "", quote), below);
      item.firstChild.dir = "auto";
      item.value = n;
      reveal(t, "citation").querySelector("ol").append(item);
    },
    delta: (t, { text }) => draft(t).querySelector('[data-is="text"]').append(text),
    view(t, view) { t.view = view; },
    error(t, { error }) {
      if (error.code === "answer_stopped") t.stopped = t.ended = true;
      else t.problem = problem(error.message, error.hint);
    },
  };

  /** The answer in the making, put in the last one's place with its first piece. */
  function draft(t) {
    if (!t.draft) {
      t.draft = get("coming").content.firstElementChild.cloneNode(true);
      const inside = answer.contains(document.activeElement);
      answer.replaceChildren(t.draft);
      fill(t, { question: t.question });
      if (inside) focusOn(t.draft.querySelector("h2")); // an option of a question back was pressed
    }
    return t.draft;
  }

  function fill(t, texts) {
    for (const [name, text] of Object.entries(texts)) draft(t).querySelector(`[data-is="${name}"]`).textContent = text ?? "";
  }

  function reveal(t, part) {
    const found = draft(t).querySelectorAll(`[data-part="${part}"]`);
    for (const each of found) each.hidden = false;
    return found[0];
  }

  function made(name, kind, ...inside) {
    const element = document.createElement(name);
    if (kind) element.className = kind;
    element.append(...inside);
    return element;
  }

  function finish(t) {
    const free = mayMoveFocus(t);
    working(false);
    if (t.view) whole(t);
    else broken(t);
    if (free) focusOn(answer.querySelector("h2"));
  }

  /** Unless somebody types the next question, or is elsewhere on the page. */
  function mayMoveFocus(t) {
    const focused = document.activeElement;
    if (focused === field) return field.value === t.question;
    return [document.body, get("stop"), get("ask-button")].includes(focused) || answer.contains(focused);
  }

  function whole({ view, began }) {
    const rendered = document.createElement("template");
    rendered.innerHTML = view.html;
    rendered.content.querySelector("[autofocus]")?.removeAttribute("autofocus"); // finish() sees to the focus
    answer.replaceChildren(rendered.content);
    htmx.process(answer);
    say(`${view.said} after ${((Date.now() - began) / 1000).toFixed(1)} s`, "");
    if (!view.url) return;
    history.pushState(null, "", view.url);
    shownAt = address();
  }

  /** No end of the answer: what is known of it stays, the reason above it; the question is in the form. */
  function broken(t) {
    const { title, message, hint, login } = t.stopped ? stopped(t) : t.problem;
    const shown = get("problem").content.firstElementChild.cloneNode(true), notice = shown.querySelector(".notice");
    shown.querySelector("h2").textContent = title;
    notice.classList.add(t.stopped ? "warn" : "error");
    if (!t.stopped) notice.setAttribute("role", "alert");
    for (const text of [message, hint]) if (text) notice.append(made("p", "", text));
    if (login) notice.append(made("p", "", loginLink(), " in a new tab, then ask again: your question is still in the form."));
    const known = t.draft?.querySelector('[data-is="text"]').textContent || t.draft?.querySelector("[data-part]:not([hidden])");
    if (known) {
      t.draft.removeAttribute("aria-busy");
      fill(t, { label: "Beginning of the answer to " });
      notice.append(made("p", "", "What was known until then is below."));
    }
    answer.replaceChildren(shown, ...(known ? [t.draft] : []));
    say(t.stopped ? "Stopped" : "No answer", "");
  }

  function stopped(t) {
    if (t.ended) return { title: "Stopped", message: "You stopped the answer, and the work on it has ended." };
    const message = "The server could not be told that you stopped waiting.";
    return { title: "Stopped", message, hint: "It ends the work by itself within seconds." };
  }

  function loginLink() {
    const link = made("a", "", "Log in");
    link.href = "/console/login";
    link.target = "_blank";
    return link;
  }

  function focusOn(heading) {
    heading.focus({ preventScroll: true });
    if (heading.getBoundingClientRect().top > innerHeight * 0.8) heading.scrollIntoView();
  }

  function working(on) {
    main.classList.toggle("asking", on);
    get("ask-button").setAttribute("aria-disabled", on);
    get("stop").hidden = !on;
    get("elapsed").textContent = "";
  }

  /** What a screen reader is told; the seconds beside it are for the eye. */
  function say(text, end = "…") { get("stage").textContent = text + end; }
  function tick(t) { get("elapsed").textContent = `${Math.floor((Date.now() - t.began) / 1000)} s`; }
})();
