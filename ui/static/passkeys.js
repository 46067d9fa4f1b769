/**
 * A form marked `data-passkey` asks the browser for a passkey before it is sent: what the authenticator says goes along
 * in its field `answer`. The marks say what is asked (`get` or `create`), where its options are, and at which origin
 * passkeys work.
 */

const CAN = typeof globalThis.PublicKeyCredential?.parseRequestOptionsFromJSON === "function";

for (const form of document.querySelectorAll("form[data-passkey]")) equipPasskey(form);

function equipPasskey(form) {
  const button = form.querySelector("button[type=submit]");
  const said = form.querySelector("[data-passkey-said]");
  const say = (text) => {
    said.textContent = text;
    said.hidden = text === "";
  };
  form.querySelector("[data-passkey-without]")?.remove();
  const { origin } = form.dataset;
  if (origin !== location.origin) return refuse(`Passkeys work at ${origin} alone: open this page there.`);
  if (!CAN) return refuse("This browser is too old for passkeys: use another one.");
  button.disabled = false;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    button.disabled = true;
    say("");
    answer(form).then((credential) => {
      form.elements.namedItem("answer").value = JSON.stringify(credential);
      form.submit();
    }).catch((error) => {
      button.disabled = false;
      say(wordsOf(error));
    });
  });

  function refuse(text) {
    button.disabled = true;
    say(text);
  }
}

async function answer(form) {
  const response = await fetch(form.dataset.options, { method: "POST" });
  if (response.redirected) {
    location.assign(response.url);
    return await new Promise(() => {});
  }
  const isJson = response.headers.get("content-type")?.startsWith("application/json") ?? false;
  if (!response.ok || !isJson) throw new DOMException("", "StaleError");
  const options = await response.json();
  return form.dataset.passkey === "create"
    ? await navigator.credentials.create({
      publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options),
    })
    : await navigator.credentials.get({
      publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options),
    });
}

const WORDS = {
  NotAllowedError: "The passkey was not used: the time was up, or it was cancelled.",
  InvalidStateError: "This device has a passkey of yours already.",
  NotSupportedError: "This device cannot make a passkey of the kind that is asked for.",
  SecurityError: "Passkeys do not work at this address.",
  StaleError: "That was begun too long ago: reload the page.",
};

function wordsOf(error) {
  return WORDS[error.name] ?? "The server is not reached: try again.";
}
