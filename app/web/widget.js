/* Answerable's support widget (docs/widget.md). A page may have patched its prototypes: methods come from a fresh realm,
 * lists are walked by index (no for-of, no spread of arrays), and all content becomes text nodes. */
(() => {
  "use strict";
  const win = window, doc = document;

  // ---- What the page cannot have changed
  const NAMES = ["Object", "Function", "Array", "JSON", "String", "RegExp", "Node", "Element", "Document", "EventTarget"];
  const F = freshRealm();

  function freshRealm() {
    const ways = ["appendChild", "append", "prepend"];
    for (let i = 0; i < ways.length; i++) {
      try {
        const frame = doc.createElement("iframe");
        doc.documentElement[ways[i]](frame);
        const there = frame.contentWindow, found = {};
        for (let j = 0; j < NAMES.length; j++) found[NAMES[j]] = there[NAMES[j]];
        found.Element.prototype.remove.call(frame);
        if (found.Node) return found;
      } catch { /* the next way */ }
    }
    return win;
  }

  const callFn = F.Function.prototype.call, uncurry = callFn.bind.bind(callFn);
  const method = (type, name) => uncurry(F[type].prototype[name]);
  const accessor = (type, name) => F.Object.getOwnPropertyDescriptor(F[type].prototype, name);
  const append = method("Node", "appendChild"), setText = uncurry(accessor("Node", "textContent").set);
  const remove = method("Element", "remove"), attachShadow = method("Element", "attachShadow");
  const setAttr = method("Element", "setAttribute"), getAttr = method("Element", "getAttribute");
  const dropAttr = method("Element", "removeAttribute"), queryIn = method("Element", "querySelectorAll");
  const listen = method("EventTarget", "addEventListener"), dispatch = method("EventTarget", "dispatchEvent");
  const create = method("Document", "createElement"), createNS = method("Document", "createElementNS");
  const textNode = method("Document", "createTextNode"), query = method("Document", "querySelectorAll");
  const split = method("String", "split"), trim = method("String", "trim"), cut = method("String", "slice");
  const lower = method("String", "toLowerCase"), lastIndexOf = method("String", "lastIndexOf");
  const exec = method("RegExp", "exec"), source = method("Function", "toString");
  const { keys, freeze } = F.Object, { isArray } = F.Array, { parse, stringify } = F.JSON;
  const Later = (async () => {})().constructor; // the promise of async functions, whatever `Promise` is by now
  const later = win.setTimeout, cancel = win.clearTimeout;
  const XHR = win.XMLHttpRequest, isNative = (fn) => typeof fn === "function" && !!exec(/\[native code\]/, source(fn));
  const pageFetch = win.fetch, hasStreams = typeof win.AbortController === "function" && typeof win.TextDecoder === "function";
  const byFetchFirst = typeof pageFetch === "function" && hasStreams && (isNative(pageFetch) || !isNative(XHR));

  // ---- Small tools
  const list = (value) => (isArray(value) ? value : []);
  const string = (value) => (typeof value === "string" ? value : value === null || value === undefined ? "" : `${value}`);
  const wait = (ms) => new Later((done) => later(done, ms));
  const warn = (text) => { if (win.console) win.console.warn(`answerable: ${text}`); };

  function each(items, visit) { for (let i = 0; i < items.length; i++) visit(items[i], i); }
  function map(items, make) { const out = []; each(items, (item, i) => { out[i] = make(item, i); }); return out; }
  function keep(items, test) { const out = []; each(items, (item, i) => { if (test(item, i)) out[out.length] = item; }); return out; }
  function join(items, by) { let out = ""; each(items, (item, i) => { out += (i ? by : "") + item; }); return out; }
  const first = (items, n) => keep(items, (_, i) => i < n), last = (items, n) => keep(items, (_, i) => i >= items.length - n);

  /** JSON of plain values; `toJSON` on a page's prototypes has no say in it. */
  function json(value) {
    if (isArray(value)) return `[${join(map(value, json), ",")}]`;
    if (value === undefined) return "null";
    if (value === null || typeof value !== "object") return stringify(value);
    return `{${join(map(keys(value), (name) => `${stringify(name)}:${json(value[name])}`), ",")}}`;
  }

  function fill(text, values) {
    each(keys(values), (name) => { text = join(split(text, `{${name}}`), values[name]); });
    return text;
  }

  /** An element; `on…` are listeners, children are nodes, text or lists of them. */
  function h(tag, attributes, ...children) {
    const el = create(doc, tag);
    if (attributes) each(keys(attributes), (name) => {
      const value = attributes[name];
      if (cut(name, 0, 2) === "on") listen(el, cut(name, 2), value);
      else if (value !== null && value !== false && value !== undefined) setAttr(el, name, value === true ? "" : string(value));
    });
    add(el, children);
    return el;
  }

  function add(el, children) {
    each(children, (child) => {
      if (isArray(child)) add(el, child);
      else if (child !== null && child !== undefined && child !== false && child !== "")
        append(el, typeof child === "object" ? child : textNode(doc, string(child)));
    });
  }

  function icon(path) {
    const make = (tag, attributes) => {
      const el = createNS(doc, "http://www.w3.org/2000/svg", tag);
      each(keys(attributes), (name) => setAttr(el, name, attributes[name]));
      return el;
    };
    const svg = make("svg", { viewBox: "0 0 24 24", "aria-hidden": "true" });
    append(svg, make("path", { d: path }));
    return svg;
  }

  const ICONS = {
    chat: "M21 11.5a8.4 8.4 0 0 1-12.3 7.4L3 21l2.1-5.7A8.4 8.4 0 1 1 21 11.5Z M8.5 11.5h.01 M12.5 11.5h.01 M16.5 11.5h.01",
    close: "M6 6l12 12 M18 6 6 18", down: "M6 9l6 6 6-6", send: "M12 19V5 M5.5 11.5 12 5l6.5 6.5", stop: "M6.5 6.5h11v11h-11Z",
    fresh: "M12 20h9 M16.5 3.5a2.1 2.1 0 0 1 3 3L7 19l-4 1 1-4Z",
    up: "M7 10v11 M7 10l4-7.5c1.7 0 2.8 1.4 2.4 3L12.6 9H18a2.4 2.4 0 0 1 2.3 3l-1.8 7a2.6 2.6 0 0 1-2.5 2H3.5V10Z",
    person: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8Z M4.5 20.5a7.5 7.5 0 0 1 15 0",
  };

  // ---- Words
  const ORDER = "close,title,greeting,ask,send,stop,fresh,log,you,thinking,searching,writing,cut,sources,source,tab,rows,chart,up,down,why,wrong,incomplete,outdated,not_relevant,unclear," +
    "wrong_source,other,comment,cancel,thanks,person,message,contact,shared,handed,empty,long,offline,failed,retry,limited,denied,page,stopped,partial,nearest,suggest";
  const WORDS = {
    en: "Close|Help|Hello! How can we help?|Ask a question…|Send|Stop|New conversation|Conversation|You asked:|Thinking…|Searching…|Writing…|Connection lost, trying again…|Sources|Source {n}: {title}|(new tab)|The first {n} rows|Chart: {title}|Helpful|Not helpful|What was wrong?|Wrong|Incomplete|Out of date|Not what I asked|Unclear|Wrong source|Something else|Comment (optional)|Cancel|Thank you!|Talk to a person|Your message|Your e-mail or phone number|This conversation is sent along.|Your message was sent. Reference: {reference}|Please type a question first.|Your question has {n} characters, the limit is {max}.|You are offline.|Something went wrong.|Try again|Too many questions. Please wait {n} seconds.|The assistant is not available here.|Ask on a page of its own|Stopped.|This answer is incomplete: time ran out.|These pages may help|You could ask",
    de: "Schließen|Hilfe|Hallo! Wie können wir helfen?|Frage stellen…|Senden|Anhalten|Neue Unterhaltung|Unterhaltung|Ihre Frage:|Denkt nach…|Sucht…|Schreibt…|Verbindung verloren, neuer Versuch…|Quellen|Quelle {n}: {title}|(neuer Tab)|Die ersten {n} Zeilen|Diagramm: {title}|Hilfreich|Nicht hilfreich|Was war falsch?|Falsch|Unvollständig|Veraltet|Nicht meine Frage|Unklar|Falsche Quelle|Etwas anderes|Anmerkung (freiwillig)|Abbrechen|Vielen Dank!|Mit einem Menschen sprechen|Ihre Nachricht|Ihre E-Mail oder Telefonnummer|Diese Unterhaltung wird mitgesendet.|Ihre Nachricht ist gesendet. Referenz: {reference}|Bitte geben Sie eine Frage ein.|Ihre Frage hat {n} Zeichen, möglich sind {max}.|Sie sind offline.|Etwas ist schiefgegangen.|Erneut versuchen|Zu viele Fragen. Bitte {n} Sekunden warten.|Der Assistent ist hier nicht verfügbar.|Auf eigener Seite fragen|Angehalten.|Diese Antwort ist unvollständig: Die Zeit war um.|Diese Seiten könnten helfen|Sie könnten fragen",
    es: "Cerrar|Ayuda|¡Hola! ¿En qué podemos ayudar?|Haga una pregunta…|Enviar|Detener|Nueva conversación|Conversación|Su pregunta:|Pensando…|Buscando…|Escribiendo…|Conexión perdida, reintentando…|Fuentes|Fuente {n}: {title}|(pestaña nueva)|Las primeras {n} filas|Gráfico: {title}|Útil|No es útil|¿Qué falló?|Incorrecta|Incompleta|Desactualizada|No es lo que pregunté|Poco clara|Fuente equivocada|Otra cosa|Comentario (opcional)|Cancelar|¡Gracias!|Hablar con una persona|Su mensaje|Su correo o teléfono|Esta conversación se envía también.|Su mensaje fue enviado. Referencia: {reference}|Escriba primero una pregunta.|Su pregunta tiene {n} caracteres, el máximo es {max}.|No hay conexión.|Algo salió mal.|Reintentar|Demasiadas preguntas. Espere {n} segundos.|El asistente no está disponible aquí.|Preguntar en otra página|Detenido.|Esta respuesta está incompleta: se acabó el tiempo.|Estas páginas pueden ayudar|Podría preguntar",
    fr: "Fermer|Aide|Bonjour ! Comment pouvons-nous aider ?|Posez une question…|Envoyer|Arrêter|Nouvelle conversation|Conversation|Votre question :|Réflexion…|Recherche…|Rédaction…|Connexion perdue, nouvel essai…|Sources|Source {n} : {title}|(nouvel onglet)|Les {n} premières lignes|Graphique : {title}|Utile|Pas utile|Qu’est-ce qui n’allait pas ?|Faux|Incomplet|Obsolète|Hors sujet|Pas clair|Mauvaise source|Autre chose|Commentaire (facultatif)|Annuler|Merci !|Parler à une personne|Votre message|Votre e-mail ou téléphone|Cette conversation sera jointe.|Votre message est envoyé. Référence : {reference}|Saisissez d’abord une question.|Votre question compte {n} caractères, le maximum est {max}.|Vous êtes hors ligne.|Un problème est survenu.|Réessayer|Trop de questions. Patientez {n} secondes.|L’assistant n’est pas disponible ici.|Demander sur une autre page|Arrêté.|Cette réponse est incomplète : temps écoulé.|Ces pages peuvent aider|Vous pourriez demander",
    ar: "إغلاق|مساعدة|مرحبًا! كيف نساعدك؟|اطرح سؤالًا…|إرسال|إيقاف|محادثة جديدة|المحادثة|سؤالك:|تفكير…|بحث…|كتابة…|انقطع الاتصال، إعادة المحاولة…|المصادر|المصدر {n}: {title}|(علامة تبويب جديدة)|أول {n} صفوف|رسم بياني: {title}|مفيد|غير مفيد|ما المشكلة؟|خطأ|ناقص|قديم|ليس سؤالي|غير واضح|مصدر خاطئ|شيء آخر|تعليق (اختياري)|إلغاء|شكرًا!|التحدث إلى شخص|رسالتك|بريدك أو هاتفك|ترسل هذه المحادثة أيضًا.|أُرسلت رسالتك. المرجع: {reference}|اكتب سؤالًا أولًا.|في سؤالك {n} حرفًا، والحد {max}.|أنت غير متصل.|حدث خطأ.|إعادة المحاولة|أسئلة كثيرة. انتظر {n} ثانية.|المساعد غير متاح هنا.|اسأل في صفحة أخرى|توقف.|هذه الإجابة ناقصة: انتهى الوقت.|قد تفيدك هذه الصفحات|يمكنك أن تسأل",
  };
  const RTL = /^(ar|he|fa|ur)\b/, REASONS = ["wrong", "incomplete", "outdated", "not_relevant", "unclear", "wrong_source", "other"];

  function wordsOf(lang, own) {
    const names = split(ORDER, ","), there = split(WORDS[cut(lang, 0, 2)] || WORDS.en, "|"), words = {};
    each(names, (name, i) => { words[name] = (own && typeof own[name] === "string" && own[name]) || there[i]; });
    return words;
  }

  /** Asked for, of the page, or of the reader: the first that there are words in. */
  function languageOf(asked) {
    const wanted = [asked, getAttr(doc.documentElement, "lang"), win.navigator.language];
    const known = keep(map(wanted, (name) => lower(string(name))), (name) => WORDS[cut(name, 0, 2)]);
    return known[0] || "en";
  }

  // ---- Requests
  const script = scriptTag(), HOST = script ? (exec(/^https?:\/\/[^/?#]+/, script.src) || [""])[0] : "";
  const QUIET_MS = 25000; // the server sends a comment every 10 s
  const send = (verb, path, options) => (byFetchFirst ? byFetch : byXhr)(verb, HOST + path, options);

  function scriptTag() {
    const here = accessor("Document", "currentScript"), current = here && callFn.call(here.get, doc);
    if (current && current.src) return current;
    return query(doc, 'script[src*="/widget.js"]')[0];
  }

  /** `{status, header(name), text}`; `onText` gets the body of a 200 as it comes; `hold.abort` ends it. */
  async function byFetch(verb, url, { headers, body, onText, hold }) {
    const control = new win.AbortController();
    if (hold) hold.abort = () => control.abort();
    const settings = { method: verb, headers, body, signal: control.signal, credentials: "omit", cache: "no-store" };
    const response = await callFn.call(pageFetch, win, url, settings);
    const reader = onText && response.status === 200 && response.body && response.body.getReader();
    if (reader) await drain(reader, onText);
    const text = reader ? "" : await response.text();
    if (!reader && onText && response.status === 200) onText(text);
    return { status: response.status, header: (name) => response.headers.get(name), text };
  }

  async function drain(reader, onText) {
    const decoder = new win.TextDecoder();
    for (;;) {
      const piece = await reader.read();
      if (piece.done) return;
      onText(decoder.decode(piece.value, { stream: true }));
    }
  }

  function byXhr(verb, url, { headers, body, onText, hold }) {
    return new Later((done, fail) => {
      const request = new XHR();
      let told = 0;
      const news = () => {
        if (!onText || request.status !== 200) return;
        const text = request.responseText, fresh = cut(text, told);
        told = text.length;
        onText(fresh);
      };
      if (hold) hold.abort = () => request.abort();
      request.open(verb, url);
      each(keys(headers), (name) => request.setRequestHeader(name, headers[name]));
      request.onprogress = news;
      request.onload = () => { news(); done({ status: request.status, header: (name) => request.getResponseHeader(name), text: request.responseText }); };
      request.onerror = request.onabort = () => fail({ cut: true });
      request.send(body);
    });
  }

  function failure(reply) {
    let error;
    try { error = parse(reply.text).error; } catch { /* a proxy's page */ }
    const seconds = reply.status === 429 ? +reply.header("retry-after") || 10 : 0;
    return { status: reply.status, code: string(error && error.code) || `http_${reply.status}`, message: string(error && error.message), seconds };
  }

  /** Server-sent events from pieces of text that may break anywhere. */
  function eventReader(onEvent) {
    let rest = "", name = "", data = "", id = "";
    const line = (text) => {
      if (text === "") {
        if (data) onEvent(name, cut(data, 0, -1), id);
        name = data = "";
        return;
      }
      const found = exec(/^([^:]*):? ?([^]*)$/, text), field = found[1], value = found[2];
      if (field === "event") name = value;
      else if (field === "data") data += `${value}\n`;
      else if (field === "id") id = value;
    };
    return (piece) => {
      rest += piece;
      // A carriage return at the very end may be half of a line break.
      for (let end; (end = exec(/\r\n|\n|\r(?=[^])/, rest));) {
        const text = cut(rest, 0, end.index);
        rest = cut(rest, end.index + end[0].length);
        line(text);
      }
    };
  }

  /** The session of a site: its ticket is renewed before it ends, or when it is refused. */
  function connect(site, kept) {
    const c = { site, ticket: null, until: 0, config: null, identity: options.identity || null, max: 4000, busy: null };
    c.renew = kept.ticket || null;
    c.session = () => {
      if (c.ticket && Date.now() < c.until) return null;
      return c.busy || (c.busy = enter(c));
    };
    c.call = (verb, path, options) => withTicket(c, verb, path, options);
    return c;
  }

  async function enter(c) {
    try {
      for (;;) {
        const identity = c.identity, body = json({ site: c.site, renew: c.renew, identity });
        const reply = await send("POST", "/v1/widget/session", { headers: { "content-type": "application/json" }, body });
        if (reply.status === 200) return entered(c, parse(reply.text), identity);
        const error = failure(reply);
        if (error.code === "identity_not_valid" && c.identity) { c.identity = null; warn(`the identity token was refused: ${error.message}`); }
        else if (reply.status === 401 && c.renew && error.code !== "site_not_known") c.renew = null;
        else {
          if (reply.status === 401 || reply.status === 403) warn(`${error.code}: ${error.message} Is ${win.location.origin} an origin of this site key?`);
          throw error;
        }
      }
    } finally { c.busy = null; }
  }

  function entered(c, reply, identity) {
    c.ticket = c.renew = string(reply.ticket);
    c.until = identity === c.identity ? Date.now() + Math.max(5, +reply.expires_in_s - 30 || 0) * 1000 : 0;
    c.config = reply.site || {};
    c.max = +reply.question_max_chars || 4000;
  }

  async function withTicket(c, verb, path, options) {
    for (let again = 0; ; again++) {
      for (let entering; (entering = c.session());) await entering;
      const headers = { authorization: `Bearer ${c.ticket}`, "content-type": "application/json", ...options.headers };
      if (options.hold && options.hold.gone) throw {};
      const reply = await send(verb, path, { ...options, headers });
      if (reply.status < 400) return reply;
      if (reply.status !== 401 || again) throw failure(reply);
      c.until = 0;
    }
  }

  // ---- A question, from the first event to the last
  async function run(w, turn) {
    w.busy = turn;
    turn.error = turn.stopped = null;
    turn.stage = "thinking";
    forget(turn);
    paint(w, turn);
    try { await follow(w, turn); } catch (error) { if (!turn.stopped) turn.error = problem(error); }
    turn.stage = null;
    if (turn.gone) return;
    w.busy = null;
    finish(w, turn);
  }

  function forget(turn) { turn.answer = { text: "", citations: [], table: null }; turn.over = false; }

  function problem(error) {
    if (error && error.status) return error;
    return { code: win.navigator.onLine === false ? "offline" : "network" };
  }

  /** Asks, and goes on after the last event when the stream is cut. */
  async function follow(w, turn) {
    for (let cuts = 0; ; cuts++) {
      const before = turn.last;
      try { await once(w, turn); } catch (error) {
        if (!turn.last || (error && error.status < 502)) throw error;
      }
      if (turn.over || turn.stopped) return;
      if (turn.last !== before) cuts = 0;
      if (cuts > 3) throw {};
      turn.stage = "cut";
      paint(w, turn);
      await wait(400 * 2 ** cuts);
      if (turn.stopped) return;
    }
  }

  async function once(w, turn) {
    const hold = (turn.hold = {}), headers = { accept: "text/event-stream", "accept-language": cut(w.lang, 0, 2) };
    let timer;
    const watch = () => { cancel(timer); timer = later(() => hold.abort && hold.abort(), QUIET_MS); };
    const read = eventReader((name, data, id) => take(w, turn, name, data, id));
    const onText = (text) => { watch(); if (!turn.stopped) read(text); };
    if (turn.last) headers["last-event-id"] = turn.last;
    watch();
    const body = json({ question: turn.question, session: w.session, stream: true, max_rows: 20 });
    try { await w.client.call("POST", "/v1/ask", { headers, body, onText, hold }); } finally { cancel(timer); }
  }

  const streamOf = (id) => cut(id, 0, lastIndexOf(id, ".") + 1), numberOf = (id) => +cut(id, lastIndexOf(id, ".") + 1);

  function take(w, turn, name, data, id) {
    if (turn.last && streamOf(id) !== streamOf(turn.last)) forget(turn);
    else if (turn.last && !turn.over && numberOf(id) <= numberOf(turn.last) && streamOf(id)) return;
    let value;
    try { value = parse(data) || {}; } catch { return; }
    turn.last = id;
    const answer = turn.answer;
    if (name === "status") turn.stage = exec(/search|read|run/, string(value.stage)) ? "searching" : "thinking";
    else if (name === "rows") answer.table = value;
    else if (name === "citation") answer.citations[answer.citations.length] = value;
    else if (name === "delta") { answer.text += string(value.text); turn.stage = "writing"; }
    else if (name === "done") { turn.answer = value; turn.over = true; }
    else if (name === "error") { turn.error = value.error || {}; turn.error.code = string(turn.error.code) || "failed"; turn.over = true; }
    else return;
    soon(w, turn);
  }

  function soon(w, turn) {
    if (turn.due) return;
    turn.due = true;
    later(() => { turn.due = false; if (w.busy === turn) paint(w, turn); }, 30);
  }

  function stop(w) {
    const turn = w.busy;
    if (!turn) return;
    turn.stopped = true;
    turn.hold.gone = true;
    if (turn.hold.abort) turn.hold.abort();
    const stream = turn.last && streamOf(turn.last);
    if (stream) quietly(w.client.call("DELETE", `/v1/ask/${encodeURIComponent(cut(stream, 0, -1))}`, {}));
  }

  async function quietly(going, failing) { try { await going; } catch { if (failing) failing(); } }

  function finish(w, turn) {
    const error = turn.error, answer = turn.answer;
    turn.last = null;
    paint(w, turn);
    buttons(w);
    save(w);
    announce(w, error ? trouble(w, turn) : turn.stopped ? w.t.stopped : join(split(plain(answer), "**"), ""));
    if (error) { if (error.seconds) pause(w, error.seconds); emit(w, "error", { code: error.code }); }
    else if (!turn.stopped) emit(w, "answer", { id: string(answer.id), status: string(answer.status), route: string(answer.route) });
    if (w.next) { const next = w.next; w.next = null; ask(w, next); }
  }

  const plain = (answer) => string(answer.text) || string(answer.clarify ? answer.clarify.question : answer.refusal && answer.refusal.reason);

  function ask(w, text) {
    text = trim(string(text));
    if (w.busy || w.paused) { w.field.value = text; return; }
    if (!text) return say(w, w.t.empty);
    if (text.length > w.client.max) return say(w, fill(w.t.long, { n: number(w, text.length, true), max: number(w, w.client.max, true) }));
    say(w, "");
    w.field.value = "";
    const turn = { question: text, stage: "thinking" };
    forget(turn);
    w.turns = last(w.turns, 29);
    w.turns[w.turns.length] = turn;
    show(w, turn);
    emit(w, "question", { question: text });
    w.log.scrollTop = w.log.scrollHeight;
    const going = run(w, turn);
    save(w);
    buttons(w);
    return going;
  }

  /** After a 429: counts down, then takes questions again. */
  function pause(w, seconds) {
    const again = () => each(w.turns, (turn) => { if (turn.error) paint(w, turn); });
    w.paused = Math.ceil(seconds);
    const tick = () => {
      buttons(w);
      setText(w.count, w.paused ? fill(w.t.limited, { n: w.paused }) : ""); // not in the alert: it would be read each second
      if (w.paused) later(() => { w.paused--; tick(); }, 1000);
      else again();
    };
    tick();
    again();
  }

  // ---- The session's memory
  function recall(key) { try { return parse(win.sessionStorage.getItem(key)) || {}; } catch { return {}; } }

  function save(w) {
    const turns = map(w.turns, (turn) => ({
      question: turn.question, answer: turn.answer, error: turn.error, stopped: turn.stopped, rated: turn.rated, last: turn.last,
    }));
    const ticket = w.client && w.client.renew;
    try { win.sessionStorage.setItem(w.key, json({ session: w.session, open: w.open, ticket, draft: w.field.value, turns })); } catch { /* full or forbidden */ }
  }

  function restore(w) {
    const kept = recall(w.key);
    w.session = string(kept.session) || randomName();
    w.turns = keep(list(kept.turns), (turn) => turn && typeof turn.question === "string");
    each(w.turns, (turn) => {
      turn.over = !!turn.answer && !!turn.answer.status;
      if (!turn.over && !turn.error && !turn.stopped) turn.error = { code: "network" };
    });
    w.draft = string(kept.draft);
    return kept;
  }

  function randomName() {
    const bytes = new Uint8Array(16);
    win.crypto.getRandomValues(bytes);
    let name = "";
    for (let i = 0; i < 16; i++) name += cut((bytes[i] + 256).toString(16), 1);
    return name;
  }

  // ---- Text
  const WEB = /^https?:\/\//i;
  const out = (href, attributes, ...children) => h("a", { href, target: "_blank", rel: "noopener noreferrer", ...attributes }, children);

  function place(w, cited) {
    const url = string(cited.url);
    if (exec(WEB, url) && getAttr(script, "data-sources") !== "stored") return url + fragment(url, bare(cited.quote));
    const path = join(map(split(string(cited.document), "/"), encodeURIComponent), "/");
    const range = cited.start === null || cited.start === undefined ? "" : `&start=${+cited.start || 0}&end=${+cited.end || 0}`;
    return `${HOST}/source/${encodeURIComponent(string(cited.source))}/${path}?site=${encodeURIComponent(w.site)}${range}#passage`;
  }

  const bare = (quote) => join(split(string(quote), new F.RegExp("\\*\\*|[`|]|^ *(?:#+|[-*+]) +", "m")), "");

  function fragment(url, quote) {
    const words = keep(split(join(split(quote, "\n"), " "), " "), (word) => word);
    if (!words.length) return "";
    const part = (some) => join(split(encodeURIComponent(join(some, " ")), "-"), "%2D");
    const text = words.length < 10 ? part(words) : `${part(first(words, 5))},${part(last(words, 5))}`;
    return `${exec(/#/, url) ? "" : "#"}:~:text=${text}`;
  }

  function cite(w, cited) {
    const label = `${fill(w.t.source, { n: cited.n, title: titleOf(cited) })} ${w.t.tab}`;
    return out(place(w, cited), { class: "cite", part: "citation", "aria-label": label }, cited.n);
  }

  const titleOf = (cited) => string(cited.title) || string(cited.document) || string(cited.source);
  const INLINE = /\*\*([^*\n]{1,2000})\*\*|`([^`\n]{1,2000})`| ?\[(\d{1,3})\]([.,;:!?)]*)|\[([^[\]\n]{1,300})\]\(([^\s()]{1,2000})\)|(https?:\/\/[^\s<>"'`)\]]{1,2000}[^\s<>"'`)\].,;:!?])/gi;

  /** Words with **bold**, `code`, links and [n] as nodes; whatever else is there stays text. */
  function inline(w, text, citations) {
    const nodes = [], marks = new F.RegExp(INLINE.source, "gi");
    let at = 0;
    for (let found; (found = exec(marks, text));) {
      const node = marked(w, found, citations);
      if (!node) continue;
      nodes[nodes.length] = cut(text, at, found.index);
      nodes[nodes.length] = node;
      at = found.index + found[0].length;
    }
    nodes[nodes.length] = cut(text, at);
    return nodes;
  }

  function marked(w, found, citations) {
    if (found[1]) return h("strong", null, inline(w, found[1], citations));
    if (found[2]) return h("code", null, found[2]);
    if (found[3]) { const cited = keep(citations, (one) => one && one.n === +found[3])[0]; return cited && h("span", { class: "nb" }, cite(w, cited), found[4]); }
    if (found[5]) return exec(/^(https?:\/\/|mailto:)/i, found[6]) && out(found[6], null, found[5]);
    return out(found[7], null, found[7]);
  }

  function prose(w, text, citations) {
    const blocks = [];
    let open = null, kind = "";
    const block = (tag) => { if (kind !== tag || tag === "p") blocks[blocks.length] = open = h(tag, { dir: "auto" }); kind = tag; };
    each(split(text, "\n"), (line) => {
      if (exec(/^\s*```/, line)) { if (kind === "pre") kind = ""; else block("pre"); return; }
      if (kind === "pre") return add(open, [`${line}\n`]);
      const item = exec(/^\s*(?:[-*•]|(\d{1,3})[.)])\s+(.*)$/, line), head = exec(/^#{1,6}\s+(.*)$/, line);
      if (item) { block(item[1] ? "ol" : "ul"); add(open, [h("li", item[1] ? { value: item[1] } : null, inline(w, item[2], citations))]); }
      else if (head) { block("p"); add(open, [h("strong", null, inline(w, head[1], citations))]); kind = ""; }
      else if (!trim(line)) kind = "";
      else if (kind === "p") add(open, [h("br"), inline(w, line, citations)]);
      else { block("p"); add(open, inline(w, line, citations)); }
    });
    return blocks;
  }

  // ---- Parts of an answer
  const number = (w, value, grouped) => new Intl.NumberFormat(w.lang, { maximumFractionDigits: 6, useGrouping: !!grouped }).format(value);

  function table(w, turn) {
    const answer = turn.answer, view = answer.table || {}, columns = list(view.columns), rows = list(view.rows), caption = captionOf(turn);
    if (!columns.length || !rows.length || (columns.length === 1 && rows.length === 1)) return null;
    const grouped = map(columns, (_, i) => keep(rows, (row) => Math.abs(row[i]) > 9999).length > 0); // no comma in years
    const isNumber = (i) => columns[i] && (columns[i].type === "integer" || columns[i].type === "number");
    const cell = (value, i) => {
      const text = typeof value === "number" ? number(w, value, grouped[i]) : value === null ? "–" : string(value);
      return h("td", { class: isNumber(i) ? "n" : null, dir: "auto" }, text);
    };
    const head = map(columns, (column, i) => h("th", { scope: "col", class: isNumber(i) ? "n" : null, dir: "auto" }, string(column.name)));
    return h("div", { class: "tablebox", part: "table", tabindex: "0", role: "region", "aria-label": caption },
      h("table", null, h("caption", { dir: "auto" }, caption), h("thead", null, h("tr", null, head)),
        h("tbody", null, map(first(rows, 50), (row) => h("tr", null, map(list(row), cell))))),
      view.truncated ? h("p", { class: "soft" }, fill(w.t.rows, { n: rows.length })) : null);
  }

  const captionOf = (turn) => string(turn.answer.computed && turn.answer.computed.text) || turn.question;

  /** As an image: a blob, a data URL where the page forbids blobs, else nothing: the table stays. */
  function chart(w, turn) {
    const answer = turn.answer;
    if (!answer.chart || !answer.id || turn.stage) return null;
    const box = h("div", { class: "chart", part: "chart" });
    const picture = async () => {
      const svg = turn.svg || (turn.svg = (await w.client.call("GET", `/v1/answers/${encodeURIComponent(answer.id)}/chart.svg`, {})).text);
      const blob = URL.createObjectURL(new Blob([svg], { type: "image/svg+xml" }));
      const img = h("img", { alt: fill(w.t.chart, { title: captionOf(turn) }), src: blob,
        onload: () => URL.revokeObjectURL(blob),
        onerror: () => { if (img.src === blob) img.src = `data:image/svg+xml,${encodeURIComponent(svg)}`; else remove(box); } });
      append(box, img);
    };
    quietly(picture(), () => remove(box));
    return box;
  }

  function cards(w, label, places, numbered) {
    return places.length ? h("div", { class: "cards", part: "sources" }, h("p", { class: "label" }, label), h("ul", null, map(places, (one) =>
      h("li", null, out(place(w, one), { dir: "auto" }, numbered && h("span", { class: "num", "aria-hidden": "true" }, one.n),
        h("span", { class: "name" }, titleOf(one)), h("span", { class: "quote" }, cut(bare(one.quote) || string(one.heading), 0, 180)),
        h("span", { class: "sr" }, ` ${w.t.tab}`)))))) : null;
  }

  const button = (type, face, onclick, part, off) => h("button", { type: "button", class: type, part, "aria-disabled": off ? "true" : null, onclick }, face);

  const choices = (w, options, label) => (list(options).length ? h("div", { class: "choices", role: "group", "aria-label": label },
    map(options, (option) => button("button", h("bdi", null, option), () => { ask(w, option); w.field.focus(); }, "option"))) : null);

  function refusal(w, answer) {
    const why = answer.refusal || {}, more = choices(w, why.suggestions, w.t.suggest);
    return [cards(w, w.t.nearest, list(why.nearest)), more && h("p", { class: "label" }, w.t.suggest), more, person(w, "prime")];
  }

  function trouble(w, turn) {
    const { code, seconds, status, message } = turn.error;
    if (code === "offline" || code === "network") return code === "offline" ? w.t.offline : w.t.failed;
    if (seconds) return fill(w.t.limited, { n: Math.ceil(seconds) });
    if (status === 401 || status === 403) return w.t.denied;
    return `${w.t.failed} ${string(message)}`;
  }

  const pageLink = (w, text) => out(`${HOST}/ask?site=${encodeURIComponent(w.site)}${text ? `&q=${encodeURIComponent(text)}` : ""}`, { class: "button" }, w.t.page);

  function paint(w, turn) {
    const box = turn.box, error = turn.error, answer = turn.answer || {}, status = string(answer.status);
    if (!box) return;
    const end = w.log.scrollHeight - w.log.scrollTop - w.log.clientHeight < 60;
    setText(box, "");
    add(box, [
      answer.text && !error ? h("div", { class: "prose" }, prose(w, string(answer.text), list(answer.citations))) : null,
      error ? null : [chart(w, turn), table(w, turn)],
      turn.stage ? h("p", { class: "stage" }, h("i"), h("i"), h("i"), w.t[turn.stage]) : null,
      error ? failed(w, turn) : null,
      turn.stopped && !turn.stage ? h("p", { class: "soft" }, w.t.stopped) : null,
    ]);
    if (!turn.stage && !error) add(box, ended(w, turn, answer, status));
    if (end) w.log.scrollTop = Math.min(w.log.scrollHeight, box.parentNode.offsetTop - w.log.offsetTop - 16);
  }

  function ended(w, turn, answer, status) {
    const clarify = status === "clarify" && answer.clarify;
    return [
      answer.text ? null : h("div", { class: "prose" }, prose(w, plain(answer), [])),
      status === "partial" ? h("p", { class: "soft" }, w.t.partial) : null,
      clarify ? choices(w, clarify.options, string(clarify.question)) : null,
      status === "refused" || status === "failed" ? refusal(w, answer) : cards(w, w.t.sources, list(answer.citations), true),
      answer.id && !clarify ? feedback(w, turn) : null,
    ];
  }

  function failed(w, turn) {
    const denied = turn.error.status === 401 || turn.error.status === 403;
    return h("div", { class: "failed" }, h("p", null, trouble(w, turn)), h("div", { class: "choices" },
      denied ? null : button("button", w.t.retry, () => { if (!w.busy && !w.paused) { resume(w, turn); w.field.focus(); } }, null, w.paused),
      pageLink(w, turn.question)));
  }

  // ---- Thumbs
  function feedback(w, turn) {
    const box = h("div", { class: "feedback" });
    thumbs(w, turn, box);
    return box;
  }

  function thumbs(w, turn, box, form) {
    const rated = turn.rated, said = (thumb) => !!rated && rated.thumb === thumb;
    const thumb = (name, click) => h("button", { type: "button", class: `icon ${name}`, "aria-label": w.t[name], title: w.t[name],
      "aria-pressed": `${said(name)}`, "aria-expanded": name === "down" && !rated ? `${!!form}` : null, onclick: click }, icon(ICONS.up));
    setText(box, "");
    add(box, [h("div", { class: "thumbs" }, thumb("up", () => rate(w, turn, box, "up", [], null)),
      thumb("down", () => { thumbs(w, turn, box, true); queryIn(box, "input")[0].focus(); }),
      h("span", { class: "soft", role: "status" }, rated ? w.t.thanks : "")), form ? reasons(w, turn, box) : null]);
  }

  function reasons(w, turn, box) {
    const checks = map(REASONS, (name) => h("input", { type: "checkbox", value: name }));
    const comment = h("textarea", { rows: "2", maxlength: "2000" });
    return h("form", { class: "form", onsubmit: (event) => {
      event.preventDefault();
      rate(w, turn, box, "down", map(keep(checks, (check) => check.checked), (check) => check.value), trim(comment.value) || null);
    } }, h("fieldset", null, h("legend", null, w.t.why), map(checks, (check, i) => h("label", { class: "check" }, check, w.t[REASONS[i]]))),
    h("label", null, w.t.comment, comment),
    h("div", { class: "choices" }, h("button", { class: "button main" }, w.t.send),
      button("button", w.t.cancel, () => { thumbs(w, turn, box); queryIn(box, ".down")[0].focus(); })));
  }

  async function rate(w, turn, box, thumb, why, comment) {
    try {
      await w.client.call("POST", "/v1/feedback", { body: json({ answer: turn.answer.id, thumb, reasons: why, comment }) });
    } catch { return say(w, w.t.failed); }
    say(w, "");
    turn.rated = { thumb };
    thumbs(w, turn, box);
    queryIn(box, `.${thumb}`)[0].focus();
    save(w);
    emit(w, "feedback", { answer: string(turn.answer.id), thumb, reasons: freeze(why) });
  }

  // ---- A person
  const handoverOf = (w) => (w.client.config && w.client.config.handover) || {};

  function person(w, look) {
    const { kind, target } = handoverOf(w), type = `button ${look}`, face = [icon(ICONS.person), w.t.person];
    if (kind === "link") return exec(/^(https?:\/\/|mailto:|tel:)/i, string(target)) ? out(target, { class: type, part: "person", onclick: () => emit(w, "handover", { kind }) }, face) : null;
    return kind === "mail" || kind === "webhook" ? button(type, face, () => handover(w), "person") : null;
  }

  function handover(w) {
    const open = queryIn(w.log, ".handover textarea")[0];
    if (open) return open.focus();
    const message = h("textarea", { rows: "3", maxlength: "4000", required: true }), contact = h("input", { maxlength: "200", autocomplete: "email" });
    const done = (text) => { setText(box, ""); add(box, [h("p", { class: "prose" }, text)]); w.field.focus(); announce(w, text); };
    const box = h("form", { class: "form handover", part: "handover", "aria-label": w.t.person, onsubmit: async (event) => {
      event.preventDefault();
      if (box.sent) return;
      box.sent = true;
      const reference = await hand(w, trim(message.value), trim(contact.value) || null);
      box.sent = false;
      if (reference !== null) done(fill(w.t.handed, { reference }));
    } }, h("label", null, w.t.message, message), h("label", null, w.t.contact, contact), w.turns.length ? h("p", { class: "soft" }, w.t.shared) : null,
    h("div", { class: "choices" }, h("button", { class: "button main" }, w.t.send),
      button("button", w.t.cancel, () => { remove(box); w.field.focus(); })));
    append(w.list, box);
    w.log.scrollTop = w.log.scrollHeight;
    message.focus();
  }

  async function hand(w, message, contact) {
    const conversation = map(w.turns, (turn) => { const answer = turn.answer || {}; return { question: turn.question, text: plain(answer), answer: string(answer.id) || null }; });
    try {
      const reply = parse((await w.client.call("POST", "/v1/widget/handover", { body: json({ conversation, message, contact }) })).text);
      say(w, "");
      emit(w, "handover", { kind: string(reply.kind), reference: string(reply.reference) });
      return string(reply.reference);
    } catch { say(w, w.t.failed); return null; }
  }

  // ---- The frame
  const DARK = `{color-scheme:dark;--g:var(--answerable-ground,#15181e);--i:var(--answerable-ink,#e9ecf1);--s:var(--answerable-ink-soft,#a6b0c0);
--l:var(--answerable-line,#303743);--t:var(--answerable-tint,#1f242d);--k:color-mix(in srgb,var(--a) 45%,var(--i))}`;
  const CSS = `
:host([data-answerable]){all:initial!important;display:block!important}
:host{display:block!important;visibility:visible!important;opacity:1!important}
.root{all:initial;display:block;color-scheme:light;--a:var(--answerable-accent,#3f5bd9);--ai:var(--answerable-accent-ink,#fff);
--g:var(--answerable-ground,#fff);--i:var(--answerable-ink,#1b2330);--s:var(--answerable-ink-soft,#586273);--l:var(--answerable-line,#e2e6ed);
--t:var(--answerable-tint,#f4f6f9);--k:color-mix(in srgb,var(--a) 62%,var(--i));--r:var(--answerable-radius,16px);--q:calc(var(--r)*.7);
font:15px/1.55 var(--answerable-font,system-ui,sans-serif);color:var(--i)}
@media(prefers-color-scheme:dark){:host(:not([theme=light])) .root${DARK}}
:host([theme=dark]) .root${DARK}
*,::before{box-sizing:border-box}
[hidden]{display:none!important}
button,textarea,input{font:inherit;color:inherit;margin:0;border:0;background:none;padding:0}
button{cursor:pointer}
button:disabled,[aria-disabled]{opacity:.5;cursor:default}
:focus-visible{outline:2px solid var(--k);outline-offset:2px}
svg{width:19px;height:19px;fill:none;stroke:currentColor;stroke-width:1.8;stroke-linecap:round;stroke-linejoin:round;flex:none}
a{color:var(--k)}p,ul,ol,pre,fieldset,h2{margin:0;padding:0;border:0}
.sr{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);}.sr,.nb,th,td{white-space:nowrap}
.launch,.icon,.go,.num{display:inline-grid;place-items:center}
.launch,.asked,.go,.main,.prime,.cite:hover{background:var(--a);color:var(--ai)}
.cards a,.tablebox,.form,.button,.failed{border:1px solid var(--l);border-radius:var(--q)}
.stage,.soft,.label,.quote,caption,.below{color:var(--s);font-size:13px}
.launch,.floats{position:fixed;z-index:var(--answerable-z,2147483000);inset-block-end:var(--answerable-y,20px);inset-inline-end:var(--answerable-x,20px)}
.launch{width:56px;height:56px;border-radius:50%;box-shadow:0 6px 24px #1b233047;transition:transform .16s}
.launch:hover{transform:translateY(-2px)}.launch svg{width:26px;height:26px}
.panel{display:flex;flex-direction:column;background:var(--g);border:1px solid var(--l);border-radius:var(--r);overflow:hidden;overflow-wrap:anywhere;text-align:start}
.floats{margin-block-end:70px;width:var(--answerable-width,410px);height:min(var(--answerable-height,680px),100dvh - 110px);box-shadow:0 12px 48px #1b233040;animation:rise .18s}
.inline{height:var(--answerable-height,560px)}
@keyframes rise{from{opacity:0;transform:translateY(10px)}}
.top{display:flex;align-items:center;gap:4px;padding:12px;padding-inline-start:20px;border-block-end:1px solid var(--l)}
h2{font-size:16px;flex:1}
.icon{width:34px;height:34px;border-radius:var(--q);color:var(--s)}
.icon:hover,.icon[aria-pressed=true]{background:var(--t);color:var(--k)}.down svg{transform:scaleY(-1)}
.log{flex:1;overflow-y:auto;padding:20px;overscroll-behavior:contain}.log:focus-visible{outline-offset:-3px}
.hello{font-size:16px;margin-block-end:14px}
.turn{margin-block-end:26px}
.asked{margin-block-end:14px;margin-inline-start:auto;width:fit-content;max-width:86%;padding:9px 14px;border-radius:var(--r);border-end-end-radius:5px;white-space:pre-wrap}
.prose>*+*{margin-block-start:10px}ul,ol{padding-inline-start:22px}li+li{margin-block-start:4px}
code,pre{font:.88em/1.5 ui-monospace,Consolas,monospace;background:var(--t);border-radius:6px;padding:2px 5px}pre{padding:12px;white-space:pre-wrap}
.cite,.num{min-width:24px;height:24px;font-size:12px;font-weight:600;line-height:1;border-radius:8px;background:var(--t);color:var(--k);text-decoration:none}
.cite{margin:0 3px;padding:4px 8px}
.prose+p{margin-block-start:8px}
.stage,.thumbs{display:flex;align-items:center;gap:5px}
.stage i{width:6px;height:6px;border-radius:50%;background:var(--k);animation:beat 1.2s infinite}.stage i+i{animation-delay:.15s}.stage i+i+i{animation-delay:.3s;margin-inline-end:5px}
@keyframes beat{0%,60%{opacity:.25}30%{opacity:1}}
.label{font-weight:600;margin-block:16px 6px}
.cards ul{list-style:none;padding:0;display:grid;gap:6px}.cards li{margin:0}
.cards a{display:grid;grid-template-columns:auto 1fr;gap:2px 10px;padding:8px 10px;text-decoration:none;color:var(--i)}
.cards a:hover,.button:hover{border-color:var(--k)}.name{font-weight:600;font-size:14px;line-height:24px}
.quote{grid-column:2;line-height:1.45;display:-webkit-box;-webkit-line-clamp:2;-webkit-box-orient:vertical;overflow:hidden}.quote:empty{display:none}.name:first-child,.name:first-child+*{grid-column:1/3}
.tablebox,.chart,.form,.choices{margin-block-start:12px}.tablebox{overflow-x:auto}.tablebox p{padding:8px 12px}
table{border-collapse:collapse;width:100%;font-size:13px}caption{text-align:start}
caption,th,td{padding:7px 12px}th,td{text-align:start;border-block:1px solid var(--l)}th{background:var(--t)}.n{text-align:end;font-variant-numeric:tabular-nums}
img{display:block;width:100%;max-width:560px}.chart{background:#fff;border-radius:var(--q)}
.choices{display:flex;flex-wrap:wrap;gap:8px}
.button{display:inline-flex;align-items:center;gap:8px;min-height:36px;padding:6px 14px;color:var(--k);font-weight:550;font-size:14px;line-height:1.35;text-align:start;text-decoration:none}
.main,.prime{color:var(--ai)}.prime{margin-block-start:14px}
.failed{border-inline-start:4px solid #d0603a;padding:10px 14px}
.thumbs{margin:8px -8px}
.form{padding:14px;display:grid;gap:12px}
legend,label{font-size:13px;font-weight:600;padding:0}fieldset{display:grid;grid-template-columns:1fr 1fr}label{display:grid;gap:5px}
.check{display:flex;align-items:center;gap:9px;font-weight:400;min-height:30px}.check input{width:18px;height:18px;accent-color:var(--a)}
.form textarea,.form input:not([type]),.composer{width:100%;font-weight:400;border:1px solid color-mix(in srgb,var(--s) 75%,var(--g));border-radius:var(--q);padding:8px 11px}
.foot{border-block-start:1px solid var(--l);padding:12px 14px}
.foot .composer{display:flex;align-items:end;padding:5px;border-radius:calc(var(--r)*.9)}
.composer:focus-within{outline:2px solid var(--k);outline-offset:-1px}
textarea{resize:none;unicode-bidi:plaintext}.composer textarea{flex:1;padding:6px 8px;min-height:36px;max-height:140px;field-sizing:content;outline:0}::placeholder{color:var(--s);opacity:1}
.go{width:36px;height:36px;border-radius:var(--q);flex:none}
.note:not(:empty){font-size:13px;padding:2px 4px 8px}
.below{display:flex;justify-content:space-between;align-items:center}
.below .button{border:0;font-size:13px;padding:4px 6px;min-height:28px;margin-block-start:6px}
@media(max-width:480px),(max-height:420px){.floats{inset:0;margin:0;width:auto;height:auto;border:0;border-radius:0}.open .launch{display:none}textarea,input{font-size:16px}}
@media(prefers-reduced-motion:reduce){*{animation:none!important;transition:none!important}}
@media(forced-colors:active){.launch,.go,.asked,.cite,.icon{border:1px solid}[aria-pressed=true]{border:3px double}.stage i{background:CanvasText}}
@media print{:host([data-answerable]){display:none!important}.inline,.log{height:auto;overflow:visible}.foot,.thumbs,.icon{display:none}}`;

  /** Styles by a constructed sheet, which a policy without `unsafe-inline` allows. */
  function style(w) {
    try {
      const sheet = new win.CSSStyleSheet();
      sheet.replaceSync(CSS);
      w.shadow.adoptedStyleSheets = [sheet];
    } catch { append(w.shadow, h("style", null, CSS)); }
  }

  const SMALL = "(max-width:480px),(max-height:420px)";
  const isSmall = () => win.matchMedia(SMALL).matches;

  function build(w) {
    const own = options.strings, lang = languageOf(getAttr(w.host, "lang") || options.lang);
    const dir = getAttr(w.host, "lang") || options.lang ? null : getAttr(doc.documentElement, "dir");
    w.lang = lang;
    w.t = wordsOf(lang, own);
    if (w.root) remove(w.root);
    w.root = h("div", { class: "root", lang, dir: dir || (exec(RTL, lang) ? "rtl" : "ltr"), onkeydown: (event) => onKey(w, event) });
    each(["keydown", "keyup", "keypress"], (type) => listen(w.root, type, (event) => event.stopPropagation())); // a page's shortcuts
    panel(w);
    if (!w.inline) launcher(w);
    append(w.root, w.panel);
    append(w.root, w.live);
    append(w.shadow, w.root);
    w.field.value = w.draft || "";
    welcome(w);
    each(w.turns, (turn) => show(w, turn));
    buttons(w);
  }

  function launcher(w) {
    w.launch = h("button", { type: "button", class: "launch", part: "launcher", "aria-haspopup": "dialog", onclick: () => (w.open ? shut(w) : open(w)) });
    append(w.root, h("section", { "aria-label": w.t.title }, w.launch));
    face(w);
  }

  function face(w) {
    setAttr(w.root, "class", w.open ? "root open" : "root");
    if (!w.launch) return;
    setText(w.launch, "");
    append(w.launch, icon(w.open ? ICONS.down : ICONS.chat));
    setAttr(w.launch, "aria-label", w.open ? w.t.close : cut(w.t.ask, 0, -1));
    setAttr(w.launch, "aria-expanded", `${!!w.open}`);
    w.panel.hidden = !w.open;
    setAttr(w.panel, "aria-modal", `${!!w.open && isSmall()}`);
  }

  function panel(w) {
    const named = (name, onclick) => h("button", { type: "button", class: "icon", "aria-label": w.t[name], title: w.t[name], onclick }, icon(ICONS[name]));
    w.title = h("bdi");
    w.hello = h("div", { class: "welcome" });
    w.list = h("div", { class: "turns" });
    w.log = h("div", { class: "log", part: "log", role: "region", "aria-label": w.t.log, tabindex: "0" }, w.hello, w.list);
    w.live = h("div", { class: "sr", role: "log", "aria-label": w.t.log });
    w.panel = h("section", { class: `panel ${w.inline ? "inline" : "floats"}`, part: "panel", role: w.inline ? "region" : "dialog", "aria-labelledby": "title", tabindex: "-1" },
      h("div", { class: "top", part: "header" }, h("h2", { id: "title" }, w.title), named("fresh", () => { reset(w); w.field.focus(); }), w.inline ? null : named("close", () => shut(w))),
      w.log, h("div", { class: "foot", part: "footer" }, composer(w)));
  }

  function composer(w) {
    w.note = h("div", { class: "note", role: "alert" });
    w.field = h("textarea", { rows: "1", "aria-label": w.t.ask, placeholder: w.t.ask,
      oninput: () => { if (!w.paused) say(w, ""); count(w); }, onfocus: () => start(w) });
    w.go = h("button", { class: "go", part: "send", onclick: (event) => { if (w.busy) { event.preventDefault(); stop(w); w.field.focus(); } } });
    w.below = h("div", { class: "below" });
    w.count = h("span");
    return [w.note, h("form", { class: "composer", part: "composer", onsubmit: (event) => { event.preventDefault(); ask(w, w.field.value); } }, w.field, w.go), w.below];
  }

  function count(w) {
    const n = w.field.value.length, max = w.client.max;
    setText(w.count, n > max * 0.8 ? `${number(w, n, true)} / ${number(w, max, true)}` : "");
  }

  function buttons(w) {
    const name = w.busy ? "stop" : "send";
    setText(w.go, "");
    append(w.go, icon(ICONS[name]));
    setAttr(w.go, "aria-label", w.t[name]);
    w.go.disabled = !!w.paused;
    setText(w.below, "");
    add(w.below, [person(w, "") || h("span"), w.count]);
  }

  function welcome(w) {
    const config = w.client.config || {}, own = options.greeting;
    setText(w.title, string(config.title) || w.t.title);
    setText(w.hello, "");
    add(w.hello, [w.refused ? [h("p", { class: "hello" }, w.t.denied), pageLink(w)] : h("p", { class: "hello", dir: "auto" }, string(own) || string(config.greeting) || w.t.greeting),
      w.turns.length ? null : choices(w, first(list(config.examples), 6), w.t.suggest)]);
  }

  function show(w, turn) {
    turn.box = h("div", { class: "answer", part: "answer" });
    append(w.list, h("div", { class: "turn" }, h("p", { class: "asked", part: "question" }, h("span", { class: "sr" }, `${w.t.you} `), h("bdi", null, turn.question)), turn.box));
    if (w.turns.length === 1) welcome(w);
    paint(w, turn);
  }

  function say(w, text) { setText(w.note, text); if (text) w.field.focus(); }

  function announce(w, text) { setText(w.live, ""); later(() => append(w.live, h("p", null, text)), 60); }

  function emit(w, name, detail) {
    const given = freeze({ ...detail });
    dispatch(w.host, new win.CustomEvent(`answerable:${name}`, { detail: given, bubbles: true, composed: true }));
    each(heard[name] || [], (fn) => { try { fn(given); } catch (error) { later(() => { throw error; }, 0); } });
  }

  // ---- Opening, closing, keys
  async function start(w) {
    if (w.started) return;
    w.started = true;
    try { await w.client.session(); w.refused = false; } catch (error) {
      w.started = false;
      w.refused = !!error && (error.status === 401 || error.status === 403);
      if (w.refused) emit(w, "error", { code: error.code });
    }
    welcome(w);
    buttons(w);
    count(w);
    save(w);
  }

  function open(w, quietly) {
    if (w.inline) { w.field.focus(); return; }
    if (w.open) return;
    const inside = w.shadow.activeElement;
    w.back = inside || doc.activeElement;
    w.open = true;
    if (isSmall()) { w.scroll = doc.documentElement.style.overflow; doc.documentElement.style.overflow = "hidden"; }
    face(w);
    w.log.scrollTop = w.log.scrollHeight;
    if (!quietly) w.field.focus();
    start(w);
    save(w);
    emit(w, "open", {});
  }

  function shut(w) {
    if (!w.open) return;
    w.open = false;
    if (w.scroll !== undefined) { doc.documentElement.style.overflow = w.scroll; w.scroll = undefined; }
    face(w);
    const back = w.back && w.back !== doc.body && w.back.isConnected ? w.back : w.launch;
    back.focus();
    save(w);
    emit(w, "close", {});
  }

  function reset(w) {
    stop(w);
    each(w.turns, (turn) => { turn.gone = true; });
    w.busy = w.next = null;
    w.turns = [];
    w.session = randomName();
    w.draft = "";
    build(w);
    face(w);
    save(w);
  }

  function onKey(w, event) {
    if (event.isComposing) return;
    if (event.key === "Enter" && !event.shiftKey && event.target === w.field) { event.preventDefault(); if (!w.busy) ask(w, w.field.value); }
    else if (event.key === "Escape" && w.open) { event.preventDefault(); shut(w); }
    else if (event.key === "Tab" && w.open && isSmall()) trap(w, event);
  }

  /** On a phone the dialog covers the page: Tab stays in it. */
  function trap(w, event) {
    const all = keep(queryIn(w.panel, "button,a[href],textarea,input,[tabindex='0']"), (el) => !el.disabled && el.getClientRects().length);
    const end = event.shiftKey ? all[0] : all[all.length - 1];
    if (w.shadow.activeElement !== end) return;
    event.preventDefault();
    (event.shiftKey ? all[all.length - 1] : all[0]).focus();
  }

  // ---- On the page
  const widgets = [], clients = {}, heard = {}, options = {};
  const main = () => keep(widgets, (w) => !w.inline)[0] || widgets[0];

  function mount(host, inlined) {
    const known = keep(widgets, (w) => w.host === host)[0];
    if (known || (!inlined && keep(widgets, (w) => !w.inline).length)) return;
    const site = getAttr(host, "site") || getAttr(script, "data-site") || "";
    if (!site) return warn("no site key: give the script tag data-site, or the element site");
    const nth = keep(widgets, (w) => w.inline).length, key = `answerable:${site}${inlined ? `:${host.id || nth}` : ""}`;
    const w = { host, site, inline: inlined, key };
    const kept = restore(w);
    w.client = clients[site] || (clients[site] = connect(site, kept));
    try { w.shadow = attachShadow(host, { mode: "open" }); } catch {
      append(host, (w.host = h("div", { lang: getAttr(host, "lang"), theme: getAttr(host, "theme") })));
      w.shadow = attachShadow(w.host, { mode: "open" });
    }
    style(w);
    build(w);
    widgets[widgets.length] = w;
    if (inlined) whenSeen(w);
    else if (kept.open || getAttr(host, "open") !== null) open(w, true);
    each(w.turns, (turn) => { if (!turn.over && turn.last && !w.busy && (w.open || inlined)) resume(w, turn); });
  }

  function resume(w, turn) { run(w, turn); buttons(w); }

  function whenSeen(w) {
    if (typeof win.IntersectionObserver !== "function") return;
    const seen = new win.IntersectionObserver((entries) => { if (entries[0].isIntersecting) { seen.disconnect(); start(w); } });
    seen.observe(w.host);
  }

  function mountLauncher() {
    const host = h("div", { "data-answerable": true, site: getAttr(script, "data-site"), lang: getAttr(script, "data-lang"), theme: getAttr(script, "data-theme") });
    if (getAttr(script, "data-open") !== null) setAttr(host, "open", "");
    append(doc.documentElement, host);
    try { mount(host, false); } catch (error) { remove(host); throw error; }
  }

  function define() {
    const found = () => each(query(doc, "answerable-widget"), (el) => mount(el, getAttr(el, "mode") === "inline"));
    try {
      win.customElements.define("answerable-widget", class extends win.HTMLElement {
        connectedCallback() { mount(this, getAttr(this, "mode") === "inline"); }
      });
    } catch { found(); }
  }

  /** Another page of this tab may have gone on with the conversation. */
  function returned(event) {
    if (!event.persisted) return;
    each(widgets, (w) => { if (!w.busy) { restore(w); build(w); if (!w.inline) face(w); } });
  }

  const api = {
    open: () => main() && open(main()),
    close: () => main() && shut(main()),
    toggle: () => main() && (main().open ? shut(main()) : open(main())),
    ask: (text) => { const w = main(); if (!w) return; open(w); if (w.busy) w.next = text; else ask(w, text); },
    identify: (token) => {
      options.identity = string(token) || null;
      each(keys(clients), (site) => { clients[site].identity = options.identity; clients[site].until = 0; });
    },
    reset: () => { each(widgets, stop); options.identity = null; each(keys(clients), (site) => { const c = clients[site]; c.ticket = c.renew = c.identity = null; c.until = 0; }); each(widgets, reset); },
    configure: (given) => {
      each(["strings", "lang", "theme", "greeting"], (name) => { if (given && given[name] !== undefined) options[name] = given[name]; });
      each(widgets, (w) => { if (options.theme) setAttr(w.host, "theme", options.theme); w.draft = w.field.value; build(w); face(w); });
    },
    on: (name, fn) => { if (typeof fn === "function") { heard[name] = heard[name] || []; heard[name][heard[name].length] = fn; } },
    off: (name, fn) => { heard[name] = keep(heard[name] || [], (one) => one !== fn); },
    push: (call) => { if (isArray(call) && api[call[0]] && call[0] !== "push") api[call[0]](call[1], call[2]); },
  };

  function link() {
    const site = (script && getAttr(script, "data-site")) || "";
    add(doc.body || doc.documentElement, [out(`${HOST}/ask?site=${encodeURIComponent(site)}`, null, wordsOf(languageOf()).ask)]);
  }

  function begin() {
    try {
      const queue = win.answerable;
      if (queue && queue.push && !isArray(queue)) return; // this script ran already
      try { win.answerable = freeze(api); } catch { /* the page keeps the name to itself */ }
      define();
      if (getAttr(script, "data-site") && getAttr(script, "data-launcher") !== "none") mountLauncher();
      listen(win, "pagehide", () => each(widgets, save));
      listen(win, "pageshow", returned);
      each(list(queue), api.push);
    } catch (error) { warn(`could not start: ${error}`); link(); }
  }

  if (doc.readyState === "loading") listen(doc, "DOMContentLoaded", begin); else begin();
})();
