/** The sign-in page: password accounts, codes that came by mail, and identity providers. */

import { Client } from "/widget/client.js";

const PAGES = ["/demo", "/console", "/playground", "/review", "/admin"];
const at = (id) => document.getElementById(id);
const client = new Client(() => ({ server: location.origin, token: null }));
const query = new URLSearchParams(location.search);
const page = PAGES.includes(query.get("page")) ? query.get("page") : PAGES[0];
let way = null;

/** What each way shows, what its button says, and what it does with the form. */
const WAYS = {
  in: { title: "Sign in", button: "Sign in", fields: ["tenant", "email", "password"], send: signIn },
  register: { title: "Make an account", button: "Make the account", fields: ["tenant", "email", "password"], fresh: true, send: register },
  verify: { title: "Confirm your address", button: "Confirm", fields: ["tenant", "email", "code", "password"], send: verify },
  forgot: { title: "Forgot the password", button: "Send a code", fields: ["tenant", "email"], send: forgot },
  confirm: { title: "Choose a password", button: "Set the password", fields: ["tenant", "email", "code", "password"], fresh: true, send: confirm },
};
const ARRIVED = {
  "#refused": "The identity provider did not let you in, or the login took too long. Try again.",
  "#spent": "That login link was used before, or is older than 15 minutes. In the demo, stop “make run” and start it again for a new one.",
  "#away": "The identity provider does not answer. Try again shortly.",
};

start();

async function start() {
  at("tenant").value = query.get("tenant") ?? "";
  at("form").addEventListener("submit", submit);
  for (const button of document.querySelectorAll("[data-to]")) button.addEventListener("click", () => show(button.dataset.to));
  at("out").addEventListener("click", () => leave("logout"));
  at("everywhere").addEventListener("click", () => leave("logout-everywhere"));
  show(location.hash === "#confirm" ? "confirm" : "in", { focus: false });
  at("problem").textContent = ARRIVED[location.hash] ?? "";
  await greet();
  try {
    await offerProviders();
  } catch {
    at("problem").textContent ||= "Other ways to sign in could not be loaded. Load the page again to see them.";
  }
}

/** Whoever is signed in already may go on, or out. */
async function greet() {
  try {
    const { email, tenant } = await ask("/api/v1/me", { method: "GET" });
    at("who").textContent = `You are signed in as ${email ?? "somebody"} at ${tenant}.`;
    at("go-on").href = page;
    at("signed-in").hidden = false;
  } catch {
    at("form").hidden = false;
  }
}

async function offerProviders() {
  const { issuers } = await ask("/api/v1/auth/issuers", { method: "GET" });
  const links = issuers.map(({ name, label }) => {
    const link = document.createElement("a");
    link.href = `/login/${encodeURIComponent(name)}?page=${encodeURIComponent(page)}`;
    link.textContent = `Sign in with ${label}`;
    return link;
  });
  at("elsewhere").replaceChildren(...links);
}

/** Shows a way with its fields, or `fields` alone, where the others are filled in already. */
function show(name, { focus = true, told = "", fields = WAYS[name].fields } = {}) {
  way = name;
  const { title, button, fresh } = WAYS[name];
  document.title = `${title} · Deskgraph`;
  at("title").textContent = title;
  at("submit").textContent = button;
  at("told").textContent = told;
  at("problem").textContent = "";
  for (const field of document.querySelectorAll("[data-for]")) {
    const shown = fields.includes(field.dataset.for);
    field.hidden = !shown;
    field.querySelector("input").disabled = !shown;
  }
  for (const other of document.querySelectorAll("[data-to]")) other.hidden = other.dataset.to === name;
  at("elsewhere").hidden = name !== "in";
  at("password-label").textContent = fresh ? "New password" : "Password";
  at("password-hint").hidden = !fresh;
  at("password").autocomplete = fresh ? "new-password" : "current-password";
  at("password").minLength = fresh ? 10 : 1;
  if (focus) at("title").focus();
}

async function submit(event) {
  event.preventDefault();
  at("problem").textContent = "";
  at("submit").disabled = true;
  try {
    await WAYS[way].send();
  } catch ({ message }) {
    at("problem").textContent = message || "The connection was lost; try again.";
  }
  at("submit").disabled = false;
}

const account = () => ({ tenant: at("tenant").value.trim(), email: at("email").value.trim() });
const password = () => at("password").value;
const code = () => at("code").value.trim();

async function signIn() {
  await post("login", { ...account(), password: password(), session: true });
  location.assign(page);
}

async function register() {
  await post("register", { ...account(), password: password() });
  show("verify", { fields: ["code"], told: `We sent a mail to ${account().email}. Enter its code here.` });
}

async function verify() {
  await post("verify", { ...account(), password: password(), code: code(), session: true });
  location.assign(page);
}

async function forgot() {
  await post("reset", account());
  show("confirm", { told: `If ${account().email} has an account, a mail with a code is on its way.` });
}

async function confirm() {
  await post("reset/confirm", { ...account(), password: password(), code: code() });
  await signIn();
}

async function leave(how) {
  await post(how, how === "logout" ? {} : undefined);
  location.reload();
}

const post = (path, body) => ask(`/api/v1/auth/${path}`, { method: "POST", body });

async function ask(path, options) {
  const response = await client.request(path, options);
  return response.status === 204 ? null : response.json();
}
