// Logs in, and shows the access token. Both tokens live in this page's memory alone: they are gone
// when it is closed, and no other page can read them.
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
    unrenewed: "로그인이 끝났습니다. 다시 로그인하십시오.", other: "처리하지 못했습니다", away: "서버에 연결할 수 없습니다.",
  },
};

const at = (id) => document.getElementById(id);
let texts = TEXTS.en;
let tokens = null;
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
  at("login").hidden = tokens !== null;
  at("token").hidden = tokens === null;
  if (tokens === null) {
    at("access").value = "";
    return;
  }
  at("whose").textContent = tokens.name;
  at("level").textContent = tokens.level;
  const projects = tokens.projects.map((project) => `${project.name} (${project.role})`);
  at("projects").textContent = projects.join(", ") || texts.none;
  at("access").value = tokens.access_token;
  at("expires").textContent = tokens.until.toLocaleTimeString(document.documentElement.lang);
}

async function ask(method, body, headers = {}) {
  const options = { method, headers: { "Content-Type": "application/json", ...headers }, cache: "no-store" };
  const answer = await fetch("tokens", { ...options, body: JSON.stringify(body) });
  return { status: answer.status, given: answer.status === 204 ? null : await answer.json() };
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
  clearTimeout(expiry);
  show();
}

// One request at a time: a refresh token that is sent twice ends the login.
async function once(work) {
  const buttons = ["submit", "renew", "logout"].map(at);
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
    const { status, given } = await ask("POST", { name: at("name").value.trim(), password: at("password").value });
    if (status !== 201) return refused(status);
    at("password").value = "";
    take(given);
    say(() => ["", false]);
    at("copy").focus();
  });
});

at("renew").addEventListener("click", () => once(async () => {
  const { status, given } = await ask("PUT", { refresh_token: tokens.refresh_token });
  if (status === 200) {
    take(given);
    return say(() => ["", false]);
  }
  if (status === 401) forget();
  refused(status, { 401: () => texts.unrenewed });
}));

at("logout").addEventListener("click", () => once(async () => {
  const { status } = await ask("DELETE", { refresh_token: tokens.refresh_token });
  if (status !== 204) return refused(status);
  forget();
  say(() => [texts.ended, false]);
  at("name").focus();
}));

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
