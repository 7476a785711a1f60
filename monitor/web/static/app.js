// What every page does: times in the viewer's zone and ages that count on, what turns stale by
// itself, a look for what is new that changes only what has changed, and filters without a click.
//
// The page says all of it without this script too. Other scripts may listen to "page:refreshed" on
// the document, and mark an element with data-keep whose inside is theirs and not the server's.
(() => {
  "use strict";

  const SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE, DAY = 24 * HOUR;
  const PATIENCE = 10 * SECOND;
  const TRY_AGAIN = 2 * SECOND;
  const SETTLED = 5 * SECOND;
  const TYPING_PAUSE = 250;
  const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");

  // --- the server's clock: by it data is fresh or stale, however wrong the viewer's own is ---

  let aheadMs = 0;
  const now = () => Date.now() + aheadMs;

  function hear(serverTiming) {
    const found = /(?:^|[\s,])now;dur=([\d.]+)/.exec(serverTiming ?? "");
    if (found) aheadMs = Number(found[1]) - Date.now();
  }

  function hearFirst() {
    const [loaded] = performance.getEntriesByType("navigation");
    // A page out of the history comes with the moment at which it was first loaded.
    if (!loaded || loaded.type === "back_forward") return;
    const told = loaded.serverTiming?.find((entry) => entry.name === "now");
    if (told) aheadMs = told.duration - (performance.timeOrigin + loaded.responseStart);
  }

  // --- times ---

  const two = (number) => String(number).padStart(2, "0");
  const clock = (at) => `${two(at.getHours())}:${two(at.getMinutes())}`;
  const dated = (at) => `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;

  function utc(at) {
    return `${new Date(at).toISOString().slice(0, 16).replace("T", " ")} UTC`;
  }

  function length(ms) {
    for (const [unit, name] of [[DAY, "day"], [HOUR, "hour"], [MINUTE, "minute"]]) {
      if (ms >= 2 * unit) return `${Math.floor(ms / unit)} ${name}s`;
    }
    const seconds = Math.floor(ms / SECOND);
    return seconds === 1 ? "1 second" : `${seconds} seconds`;
  }

  const FORMS = {
    full: (at) => `${dated(new Date(at))} ${clock(new Date(at))}`,
    short(at) {
      const moment = new Date(at);
      const today = new Date(now());
      if (dated(moment) === dated(today)) return clock(moment);
      if (moment.getFullYear() !== today.getFullYear()) return FORMS.full(at);
      return `${moment.getDate()} ${MONTHS[moment.getMonth()]} ${clock(moment)}`;
    },
    age: (at) => (now() - at < SECOND ? "just now" : `${length(now() - at)} ago`),
    until: (at) => (at - now() < SECOND ? "now" : `in ${length(at - now())}`),
  };

  function write(node, text) {
    if (node.textContent !== text) node.textContent = text;
  }

  // Writes what depends on zone and moment: into the page, and into what is to be compared with it.
  function dress(root) {
    for (const time of root.querySelectorAll("time[datetime]")) {
      const at = Date.parse(time.dateTime);
      if (Number.isNaN(at)) continue;
      const form = FORMS[time.dataset.form] ?? FORMS.full;
      write(time, form(at));
      if (!time.title) time.title = utc(at);
    }
    for (const element of root.querySelectorAll("[data-from], [data-until]")) {
      const { from, until } = element.dataset;
      const begun = !from || Date.parse(from) <= now();
      const over = Boolean(until) && Date.parse(until) <= now();
      if (element.hidden === (begun && !over)) element.hidden = !(begun && !over);
    }
  }

  function tick() {
    dress(document);
    const alarmed = document.querySelector(".banner.bad:not([hidden])") !== null;
    const title = document.title.replace(/^\(!\) /, "");
    const text = alarmed ? `(!) ${title}` : title;
    if (document.title !== text) document.title = text;
  }

  function nameZone() {
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    const element = document.getElementById("zone");
    if (element && zone && zone !== "UTC") {
      write(element, `Times are in ${zone}; UTC stands behind each. Pictures are in UTC.`);
    }
  }

  // --- change what has changed, and leave alone what the viewer has unfolded, typed or focused ---

  const keyOf = (node) => (node.nodeType === Node.ELEMENT_NODE ? node.id || node.dataset?.key : "");

  function isSameKind(one, other) {
    return one.nodeType === other.nodeType && one.nodeName === other.nodeName;
  }

  function copyAttributes(old, fresh) {
    for (const { name, value } of fresh.attributes) {
      if (name !== "open" && old.getAttribute(name) !== value) old.setAttribute(name, value);
    }
    for (const { name } of [...old.attributes]) {
      if (name !== "open" && !fresh.hasAttribute(name)) old.removeAttribute(name);
    }
  }

  function morph(old, fresh) {
    if (old.nodeType !== Node.ELEMENT_NODE) {
      if (old.data !== fresh.data) old.data = fresh.data;
      return;
    }
    if (old.hasAttribute("data-keep") || old.isEqualNode(fresh)) return;
    copyAttributes(old, fresh);
    const keyed = new Map();
    for (const child of old.children) {
      if (keyOf(child)) keyed.set(keyOf(child), child);
    }
    let place = old.firstChild;
    for (const next of [...fresh.childNodes]) {
      const key = keyOf(next);
      let match = key ? keyed.get(key) : undefined;
      if (!key && place && !keyOf(place) && isSameKind(place, next)) match = place;
      if (!match || !isSameKind(match, next)) {
        old.insertBefore(next, place);
      } else {
        if (match === place) place = place.nextSibling;
        else old.insertBefore(match, place);
        morph(match, next);
      }
    }
    while (place) {
      const gone = place;
      place = place.nextSibling;
      gone.remove();
    }
  }

  function show(fresh) {
    dress(fresh);
    const focused = document.activeElement;
    for (const selector of ["#shell", "#banners", "main"]) {
      const [old, next] = [document.querySelector(selector), fresh.querySelector(selector)];
      if (old && next) morph(old, next);
    }
    // A row that has moved lets go of the focus in it.
    if (focused?.isConnected && document.activeElement !== focused) {
      focused.focus({ preventScroll: true });
    }
    document.title = fresh.title;
    tick();
    document.dispatchEvent(new Event("page:refreshed"));
  }

  // --- look for what is new ---

  let shown = { url: location.href, tag: null };
  let answeredAt = Date.now();
  let failures = 0;
  let timer = 0;
  let asking = null;

  function tellSilence(why) {
    const banner = document.getElementById("silence");
    if (!banner) return;
    banner.hidden = why === "";
    if (why === "") return;
    const since = document.createElement("time");
    since.dateTime = new Date(answeredAt + aheadMs).toISOString();
    since.dataset.form = "short";
    banner.replaceChildren(`${why} since `, since, "; what is shown is from then.");
    dress(banner);
  }

  const scriptsOf = (page) =>
    [...page.querySelectorAll("script[src]")].map((script) => script.getAttribute("src")).join(" ");

  // A proxy answers in our place now and then: a login, a page about maintenance. That is no answer.
  function parsed(html) {
    const fresh = new DOMParser().parseFromString(html, "text/html");
    return fresh.querySelector("#shell") && fresh.querySelector("main") ? fresh : null;
  }

  async function look() {
    clearTimeout(timer);
    asking?.abort();
    const mine = (asking = new AbortController());
    const patience = setTimeout(() => mine.abort("late"), PATIENCE);
    const url = location.href;
    try {
      const answer = await fetch(url, { cache: "no-cache", signal: mine.signal });
      const tag = answer.headers.get("ETag");
      if (tag === null || tag !== shown.tag || url !== shown.url) {
        const html = await answer.text();
        if (mine !== asking) return;
        // A page of ours is to be shown whatever its status: it says itself what it lacks.
        const fresh = parsed(html);
        if (!fresh) {
          throw new Error(`The server answers ${answer.ok ? "with something else" : answer.status}`);
        }
        // Another version: its page and this script may not fit. Not again and again where two
        // servers take turns.
        if (scriptsOf(fresh) !== scriptsOf(document) && performance.now() > SETTLED) {
          location.reload();
          return;
        }
        hear(answer.headers.get("Server-Timing"));
        show(fresh);
        shown = { url, tag };
      } else {
        hear(answer.headers.get("Server-Timing"));
      }
      [answeredAt, failures] = [Date.now(), 0];
      tellSilence("");
    } catch (error) {
      if (mine !== asking) return; // another look has taken its place
      failures += 1;
      const said = error instanceof Error && error.message.startsWith("The server answers");
      if (failures > 1) tellSilence(said ? error.message : "No answer from Timeout Monitor");
    } finally {
      clearTimeout(patience);
      if (mine === asking) later();
    }
    tick();
  }

  function later() {
    const seconds = Number(document.querySelector("main")?.dataset.refreshSeconds);
    if (!seconds) return;
    timer = setTimeout(look, failures === 1 ? TRY_AGAIN : seconds * SECOND);
  }

  // --- filters: a form with data-filters is asked with as it is typed; the URL tells it ---

  function addressOf(form) {
    const chosen = new URLSearchParams();
    for (const [name, value] of new FormData(form)) {
      if (value !== "") chosen.append(name, value);
    }
    const query = chosen.toString();
    return query ? `${location.pathname}?${query}` : location.pathname;
  }

  function ask(form, isNewEntry) {
    const address = addressOf(form);
    if (address === location.pathname + location.search) return;
    if (isNewEntry) history.pushState(null, "", address);
    else history.replaceState(null, "", address);
    look();
  }

  let typing = 0;
  document.addEventListener("input", (event) => {
    const form = event.target.form;
    if (!form?.hasAttribute("data-filters")) return;
    clearTimeout(typing);
    typing = setTimeout(() => ask(form, false), TYPING_PAUSE);
  });
  document.addEventListener("submit", (event) => {
    if (!event.target.hasAttribute("data-filters")) return;
    event.preventDefault();
    clearTimeout(typing);
    ask(event.target, true);
  });
  window.addEventListener("popstate", async () => {
    await look();
    document.querySelector("form[data-filters]")?.reset();
  });
  document.addEventListener("visibilitychange", () => {
    // Also while the first look is under way: what it brings may be older than this.
    const refreshes = document.querySelector("main")?.dataset.refreshSeconds;
    if (document.visibilityState === "visible" && refreshes) look();
  });

  window.addEventListener("pageshow", (event) => {
    if (event.persisted) look(); // back out of the history, as it was left
  });

  document.documentElement.classList.add("has-script");
  hearFirst();
  nameZone();
  tick();
  setInterval(tick, SECOND);
  if (document.querySelector("main")?.dataset.refreshSeconds) look();
})();
