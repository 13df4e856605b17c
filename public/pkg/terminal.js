// Terminals and their recordings. A page that may show one loads this; xterm.js itself only comes when one is there.
//
//   [data-terminal]  a program that talks: the address of its WebSocket, see server/src/terminals.rs
//   [data-cast]      a recording: the address of its asciicast v2

const LIBRARY = '/pkg/xterm/';
const DARK = { background: '#161817', foreground: '#ececea', cursor: '#ececea', selectionBackground: '#3b4a66' };
/** How long the next try to connect waits, at first and at most, and how often it is tried. */
const FIRST_TRY_MS = 300;
const LAST_TRY_MS = 5_000;
const TRIES = 12;
/** What a pause in a recording lasts at most where pauses are skipped, in seconds. */
const PAUSE = 1;

let library;

/** xterm.js, once; rejected where the site was built without it. */
function load() {
  library ??= (async () => {
    const style = document.createElement('link');
    style.rel = 'stylesheet';
    style.href = `${LIBRARY}xterm.css`;
    const styled = new Promise((resolve, reject) => {
      style.addEventListener('load', resolve);
      style.addEventListener('error', reject);
    });
    document.head.append(style);
    makeStrict();
    const [{ Terminal }, { FitAddon }] = await Promise.all([
      import(`${LIBRARY}xterm.mjs`),
      import(`${LIBRARY}addon-fit.mjs`),
      styled,
      document.fonts.load('14px "JetBrains Mono Variable"'),
    ]);
    return { Terminal, FitAddon };
  })();
  return library;
}

/**
 * xterm.js makes <style> elements and style attributes, which the portal's content security policy refuses; the same rules as
 * constructed sheets and properties are permitted (CSP Level 3, 8.1; CSSOM). It has no option for that which reaches all of its
 * parts (6.0: `documentOverride` does not reach the viewport), so the elements that it makes are made with other ways to set
 * them. Nothing else on the pages makes these two.
 */
function makeStrict() {
  const create = document.createElement.bind(document);
  const makers = { style: sheet, span: styled };
  document.createElement = (name, ...more) => makers[name]?.(create) ?? create(name, ...more);
}

/** Stands where a <style> would: what it is told becomes a constructed sheet. */
function sheet(create) {
  const rules = new CSSStyleSheet();
  document.adoptedStyleSheets.push(rules);
  const element = create('i');
  element.hidden = true;
  Object.defineProperty(element, 'textContent', { set: (text) => rules.replaceSync(text) });
  element.remove = () => {
    document.adoptedStyleSheets = document.adoptedStyleSheets.filter((other) => other !== rules);
    Element.prototype.remove.call(element);
  };
  return element;
}

/** A <span> whose style attribute is set as properties. */
function styled(create) {
  const element = create('span');
  element.setAttribute = (name, value) => {
    if (name === 'style') element.style.cssText = value;
    else Element.prototype.setAttribute.call(element, name, value);
  };
  return element;
}

function options(more) {
  return {
    fontFamily: getComputedStyle(document.documentElement).getPropertyValue('--mono'),
    fontSize: 13,
    theme: DARK,
    minimumContrastRatio: 4.5,
    screenReaderMode: true,
    ...more,
  };
}

function say(element, words) {
  const status = element.querySelector('[data-terminal-status]');
  if (status && status.textContent !== words) status.textContent = words;
}

/** A program that talks. */
async function talk(element) {
  say(element, 'The terminal is loaded …');
  const { Terminal, FitAddon } = await load();
  const place = element.querySelector('[data-terminal-screen]');
  const terminal = new Terminal(options({ cursorBlink: true, scrollback: 5_000, disableStdin: true }));
  const fit = new FitAddon();
  terminal.loadAddon(fit);
  terminal.open(place);
  terminal.textarea.setAttribute('aria-label', `${element.getAttribute('aria-label')}. ${element.dataset.leave}`);
  const leave = element.querySelector('[data-terminal-leave]');
  terminal.attachCustomKeyEventHandler((event) => {
    const leaves = event.ctrlKey && event.shiftKey && event.key === 'ArrowUp';
    if (leaves && event.type === 'keydown') {
      event.preventDefault();
      leave.focus();
    }
    return !leaves;
  });

  const encoder = new TextEncoder();
  const state = { seen: 0, writes: false, ended: false, tries: 0, waiting: [] };
  let socket;
  const ready = () => socket?.readyState === WebSocket.OPEN;
  const send = (keys) => {
    if (!state.writes) return;
    if (ready()) socket.send(keys);
    else state.waiting.push(keys);
  };
  const resized = () => {
    if (!state.writes || !element.isConnected) return;
    fit.fit();
    if (ready()) socket.send(JSON.stringify({ size: [terminal.cols, terminal.rows] }));
  };
  terminal.onData((text) => send(encoder.encode(text)));
  terminal.onBinary((text) => send(Uint8Array.from(text, (letter) => letter.charCodeAt(0))));
  new ResizeObserver(resized).observe(place);

  const told = (message) => {
    if ('begin' in message) {
      state.seen = message.begin;
      terminal.reset();
    } else if ('writes' in message) {
      const before = state.writes;
      state.writes = message.writes;
      terminal.options.disableStdin = !message.writes;
      element.dataset.writes = message.writes;
      say(element, message.writes ? 'You type here.' : `${message.by} types; you look on.`);
      if (message.writes) {
        resized();
        for (const keys of state.waiting.splice(0)) send(keys);
        const focused = document.activeElement;
        // Whoever has just pressed Run goes on here; whoever is elsewhere stays there.
        if (!before && (focused === document.body || element.closest('.step')?.contains(focused))) terminal.focus();
      }
    } else if ('size' in message) {
      const [columns, rows] = message.size;
      if (!state.writes) terminal.resize(columns, rows);
    } else if (message.ended) {
      state.ended = true;
      terminal.options.disableStdin = true;
      say(element, 'The program has ended.');
    }
  };

  const connect = () => {
    if (!element.isConnected) return;
    socket = new WebSocket(`${element.dataset.terminal}?after=${state.seen}`);
    socket.binaryType = 'arraybuffer';
    socket.addEventListener('message', ({ data }) => {
      state.tries = 0;
      if (typeof data === 'string') {
        told(JSON.parse(data));
      } else {
        state.seen += data.byteLength;
        terminal.write(new Uint8Array(data));
      }
    });
    socket.addEventListener('close', () => {
      if (state.ended || !element.isConnected) return;
      state.tries += 1;
      if (state.tries > TRIES) {
        say(element, 'The terminal cannot be reached: load the page again.');
        return;
      }
      if (state.tries > 1) say(element, 'The connection is lost; trying again …');
      setTimeout(connect, Math.min(FIRST_TRY_MS * 2 ** (state.tries - 1), LAST_TRY_MS));
    });
  };
  connect();
  return () => {
    socket?.close();
    terminal.dispose();
  };
}

/** The events of an asciicast v2, and its header. */
function parse(text) {
  const [header, ...events] = text.trimEnd().split('\n').map((line) => JSON.parse(line));
  return { header, events };
}

function clock(seconds) {
  const whole = Math.floor(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')}`;
}

/** A recording. */
async function replay(element) {
  say(element, 'The recording is loaded …');
  const [{ Terminal }, response] = await Promise.all([load(), fetch(element.dataset.cast)]);
  if (!response.ok) throw new Error(`the recording: ${response.status}`);
  const { header, events } = parse(await response.text());
  const place = element.querySelector('[data-terminal-screen]');
  const size = { cols: header.width, rows: header.height };
  const terminal = new Terminal(options({ ...size, disableStdin: true, scrollback: 5_000 }));
  terminal.open(place);
  terminal.textarea.setAttribute('aria-label', element.getAttribute('aria-label'));
  // There is nothing to type: the focus goes on to the controls.
  terminal.textarea.tabIndex = -1;

  const part = (name) => element.querySelector(`[data-replay="${name}"]`);
  const [play, speed, skip, position, time] = ['play', 'speed', 'skip', 'position', 'time'].map(part);
  const length = events.at(-1)?.[0] ?? 0;
  position.max = String(Math.max(length, 0.1));
  let next = 0;
  let timer;
  const show = ([, kind, data]) => {
    if (kind === 'o') terminal.write(data);
    if (kind === 'r') terminal.resize(...data.split('x').map(Number));
  };
  const at = () => events[next - 1]?.[0] ?? 0;
  const drawn = () => {
    position.value = String(at());
    time.textContent = `${clock(at())} of ${clock(length)}`;
    position.setAttribute('aria-valuetext', time.textContent);
  };
  const pause = () => {
    clearTimeout(timer);
    timer = undefined;
    play.textContent = '▶ Play';
  };
  const step = () => {
    if (next >= events.length) {
      pause();
      say(element, 'The end of the recording.');
      return;
    }
    const wait = Math.max(events[next][0] - at(), 0);
    const seconds = (skip.checked ? Math.min(wait, PAUSE) : wait) / Number(speed.value);
    timer = setTimeout(() => {
      show(events[next]);
      next += 1;
      drawn();
      step();
    }, seconds * 1_000);
  };
  const seek = (seconds) => {
    terminal.reset();
    terminal.resize(size.cols, size.rows);
    for (next = 0; next < events.length && events[next][0] <= seconds; next += 1) show(events[next]);
    drawn();
  };
  play.addEventListener('click', () => {
    if (timer !== undefined) {
      pause();
      say(element, 'Paused.');
      return;
    }
    if (next >= events.length) seek(-1);
    play.textContent = '❚❚ Pause';
    say(element, 'Playing.');
    step();
  });
  speed.addEventListener('change', () => {
    if (timer === undefined) return;
    clearTimeout(timer);
    step();
  });
  position.addEventListener('input', () => {
    pause();
    seek(Number(position.value));
  });
  for (const control of [play, speed, skip, position]) control.disabled = false;
  drawn();
  say(element, 'Ready.');
  return () => {
    pause();
    terminal.dispose();
  };
}

const woken = new Map();

/** Wakes what is new on the page, and lets go of what is not there any more. */
function look() {
  for (const [element, end] of woken) {
    if (element.isConnected) continue;
    woken.delete(element);
    end.then((end) => end?.());
  }
  for (const element of document.querySelectorAll('[data-terminal], [data-cast]')) {
    if (woken.has(element)) continue;
    const work = element.dataset.cast ? replay(element) : talk(element);
    woken.set(
      element,
      work.catch((error) => {
        console.error(error);
        say(element, 'This terminal cannot be shown: the portal\'s site was built without it, or does not answer.');
      }),
    );
  }
}

new MutationObserver(look).observe(document.body, { childList: true, subtree: true });
look();
