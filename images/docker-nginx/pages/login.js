// Logs in, and shows the access token. Both tokens live in this page's memory alone: they are gone
// when it is closed, and no other page can read them.
// Behind the front door there is a session too, in a cookie that no script can read: it is what other
// pages are entered with. Where to go is told by the server alone, never by this page's own address.
"use strict";

const TEXTS = {
  en: {
    title: "Log in", name: "Name", password: "Password", submit: "Log in", level: "Level",
    projects: "Projects", none: "none", expires: "Valid until", token: "Access token", copy: "Copy",
    renew: "Renew", logout: "Log out", copied: "Copied.", ended: "You are logged out.",
    uncopied: "The browser did not allow it: the token is selected, copy it by Ctrl+C.",
    expired: "The access token has expired. Renew it, or log in again.",
    status: {
      401: "Wrong name or password.",
      422: "A name has a to z, 0 to 9 and -, and begins with a letter.",
      429: "Too many tries. Wait some minutes.",
      503: "The account service does not answer. Try again in a moment.",
    },
    pages: "Pages", own: "has a login of its own", again: "New token",
    unknown: "There is no such page, or it has a login of its own.",
    looping: "The page did not accept the login. Open it from the list.",
    unrenewed: "The login has ended. Log in again.", other: "That did not work", away: "This server can't be reached.",
  },
  ko: {
    title: "로그인", name: "이름", password: "비밀번호", submit: "로그인", level: "등급",
    projects: "프로젝트", none: "없음", expires: "만료 시각", token: "Access Token", copy: "복사",
    renew: "갱신", logout: "로그아웃", copied: "복사했습니다.", ended: "로그아웃했습니다.",
    uncopied: "브라우저가 복사를 허용하지 않았습니다. 선택된 토큰을 Ctrl+C 로 복사하십시오.",
    expired: "Access Token 이 만료되었습니다. 갱신하거나 다시 로그인하십시오.",
    status: {
      401: "이름 또는 비밀번호가 올바르지 않습니다.",
      422: "이름에는 a-z, 0-9, - 만 쓸 수 있고 영문자로 시작합니다.",
      429: "시도 횟수가 너무 많습니다. 몇 분 뒤에 다시 하십시오.",
      503: "계정 서비스가 응답하지 않습니다. 잠시 뒤에 다시 하십시오.",
    },
    pages: "페이지", own: "자체 로그인 사용", again: "새 토큰",
    unknown: "그런 페이지가 없거나 자체 로그인을 사용하는 페이지입니다.",
    looping: "페이지가 로그인을 받아들이지 않았습니다. 목록에서 여십시오.",
    unrenewed: "로그인이 끝났습니다. 다시 로그인하십시오.", other: "처리하지 못했습니다", away: "서버에 연결할 수 없습니다.",
  },
};

const at = (id) => document.getElementById(id);
let texts = TEXTS.en;
const wanted = new URLSearchParams(location.search);
let tokens = null;
let hasDoor = null; // not known yet
let me = null; // behind the door: who is logged in, and the pages that there are
let said = () => ["", false];
let expiry = 0;

// What is said is kept as a function, so that another language says it again.
function say(how) {
  said = how;
  const [text, isWrong] = how();
  at("message").textContent = text;
  at("message").classList.toggle("wrong", isWrong);
}

function speak(language) {
  texts = TEXTS[language];
  document.documentElement.lang = language;
  for (const element of document.querySelectorAll("[data-text]")) {
    element.textContent = texts[element.dataset.text];
  }
  for (const button of document.querySelectorAll("[data-language]")) {
    button.setAttribute("aria-pressed", String(button.dataset.language === language));
  }
  show();
  say(said);
}

function show() {
  const whose = tokens ?? me;
  at("login").hidden = whose !== null;
  at("token").hidden = whose === null;
  for (const element of document.querySelectorAll(".of-token")) element.hidden = tokens === null;
  at("again").hidden = tokens !== null;
  at("access").value = tokens?.access_token ?? "";
  list();
  if (whose === null) return;
  at("whose").textContent = whose.name;
  at("level").textContent = whose.level;
  if (tokens === null) return;
  const projects = tokens.projects.map((project) => `${project.name} (${project.role})`);
  at("projects").textContent = projects.join(", ") || texts.none;
  at("expires").textContent = tokens.until.toLocaleTimeString(document.documentElement.lang);
}

function list() {
  const pages = me?.pages ?? [];
  at("pages").hidden = pages.length === 0;
  at("page-list").replaceChildren(...pages.map((page) => {
    const item = document.createElement("li");
    const link = document.createElement("a");
    link.href = page.url;
    link.textContent = page.title;
    item.append(link);
    if (page.asks === "own") {
      const mark = document.createElement("span");
      mark.textContent = ` (${texts.own})`;
      item.append(mark);
    }
    return item;
  }));
}

async function ask(method, path, body) {
  const options = { method, cache: "no-store" };
  if (body !== undefined) {
    options.headers = { "Content-Type": "application/json" };
    options.body = JSON.stringify(body);
  }
  const answer = await fetch(path, options);
  // (What is no JSON comes from a server in between, and its status says enough.)
  return { status: answer.status, given: await answer.json().catch(() => null) };
}

// Returns the status; 404 is that of a server that stands behind no door.
async function look() {
  const { status, given } = await ask("GET", "door/me");
  hasDoor = status !== 404;
  me = status === 200 ? given : null;
  return status;
}

// Goes to the page that a browser came from; returns whether it does.
async function enter() {
  const page = wanted.get("page");
  if (!hasDoor || page === null) return false;
  if (isLooping(page)) {
    say(() => [texts.looping, true]);
    return false;
  }
  const { status, given } = await ask("POST", "door/enter", {
    page, path: wanted.get("path") ?? "/", state: wanted.get("state") ?? "",
  });
  if (status === 200) {
    location.assign(given.location);
    return true;
  }
  if (status === 401) forget();
  refused(status, { 401: () => texts.unrenewed, 404: () => texts.unknown, 422: () => texts.unknown });
  return false;
}

// A browser that keeps no cookie of the page comes back at once, each time.
function isLooping(page) {
  const key = `entered ${page}`;
  const times = (sessionStorage.getItem(key) ?? "").split(" ");
  const recent = times.filter((time) => Date.now() - time < 20000);
  if (recent.length > 3) return true;
  sessionStorage.setItem(key, [...recent, Date.now()].join(" "));
  return false;
}

function take(given) {
  tokens = { ...given, until: new Date(Date.now() + given.expires_in * 1000) };
  clearTimeout(expiry);
  expiry = setTimeout(() => say(() => [texts.expired, true]), given.expires_in * 1000);
  show();
}

function refused(status, instead = {}) {
  say(() => [instead[status]?.() ?? texts.status[status] ?? `${texts.other} (${status}).`, true]);
}

function forget() {
  tokens = null;
  me = null;
  clearTimeout(expiry);
  show();
}

// One request at a time: a refresh token that is sent twice ends the login.
async function once(work) {
  const buttons = ["submit", "renew", "again", "logout"].map(at);
  if (buttons[0].disabled) return;
  buttons.forEach((button) => { button.disabled = true; });
  try {
    await work();
  } catch {
    say(() => [texts.away, true]);
  } finally {
    buttons.forEach((button) => { button.disabled = false; });
  }
}

at("login").addEventListener("submit", (event) => {
  event.preventDefault();
  once(async () => {
    await ready;
    if (hasDoor === null) await look();
    const typed = { name: at("name").value.trim(), password: at("password").value };
    const { status, given } = await ask("POST", hasDoor ? "door/login" : "tokens", typed);
    if (status !== 201) return refused(status);
    at("password").value = "";
    say(() => ["", false]);
    if (await enter()) return;
    if (hasDoor) await look();
    take(given);
    at("copy").focus();
  });
});

at("renew").addEventListener("click", () => once(async () => {
  const { status, given } = await ask("PUT", "tokens", { refresh_token: tokens.refresh_token });
  if (status === 200) {
    take(given);
    return say(() => ["", false]);
  }
  if (status === 401) forget();
  refused(status, { 401: () => texts.unrenewed });
}));

at("logout").addEventListener("click", () => once(async () => {
  const { status } = hasDoor
    ? await ask("POST", "door/logout")
    : await ask("DELETE", "tokens", { refresh_token: tokens.refresh_token });
  if (status !== 204) return refused(status);
  forget();
  say(() => [texts.ended, false]);
  at("name").focus();
}));

at("again").addEventListener("click", () => {
  forget();
  say(() => ["", false]);
  at("name").focus();
});

at("copy").addEventListener("click", async () => {
  try {
    await navigator.clipboard.writeText(at("access").value);
    say(() => [texts.copied, false]);
  } catch {
    // (Browsers give pages without TLS no clipboard.)
    at("access").focus();
    at("access").select();
    const copied = document.execCommand("copy");
    say(() => [copied ? texts.copied : texts.uncopied, !copied]);
  }
});

for (const button of document.querySelectorAll("[data-language]")) {
  button.addEventListener("click", () => speak(button.dataset.language));
}
speak((navigator.languages ?? []).some((each) => each.startsWith("ko")) ? "ko" : "en");

// Whoever is logged in already sees no form; what is sent meanwhile waits for this.
async function begin() {
  try {
    const status = await look();
    if (status === 200 && await enter()) return;
    show();
    if (![200, 401, 404].includes(status)) refused(status);
  } catch {
    say(() => [texts.away, true]);
  }
}
const ready = begin();
