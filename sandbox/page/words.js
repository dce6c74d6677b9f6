// Every word on the page, in both languages.

const WORDS = {
  en: {
    skip: "Skip to the phones",
    title: "Phones and mailboxes",
    subtitle: "A stand-in for Twilio and SendGrid. Nothing here reaches a real person.",
    productTime: "Product time",
    addPhone: "Add a phone",
    number: "Number",
    name: "Name",
    add: "Add",
    mishaps: "Break something",
    ledger: "Ledger",
    empty: "No text has been sent yet. Publish a booking, or add a phone and text the clinic yourself.",
    live: "live",
    lost: "connection lost, trying again",
    connecting: "connecting",
    staff: "on call",
    optedOut: "opted out",
    reply: "Reply as {name}",
    send: "Send",
    quick: "Quick replies",
    scale: "Answer from 0 to 10",
    yes: "YES", no: "NO", help: "HELP",
    noTexts: "No texts yet.",
    parts: "{n} parts",
    queued: "queued", accepted: "accepted", scheduled: "scheduled", sending: "sending", sent: "sent",
    delivered: "delivered", undelivered: "not delivered", failed: "failed", canceled: "cancelled", read: "read",
    media: "{n} attachments",
    calling: "Incoming call",
    inCall: "On the phone",
    answer: "Answer",
    decline: "Decline",
    machine: "Let the machine answer",
    hangUp: "Hang up",
    press: "press a key",
    keypad: "Keypad",
    pressed: "pressed {key}",
    played: "plays {what}",
    machineNote: "answering machine",
    call: "Call",
    callStates: {
      completed: "ended after {n} s", busy: "declined", "no-answer": "not answered", failed: "failed",
      canceled: "withdrawn", "in-progress": "in progress", ringing: "ringing", queued: "dialling",
    },
    mailbox: "Mailbox",
    noMail: "No mail yet.",
    from: "From",
    back: "Back to the mailbox",
    plain: "Text", html: "HTML",
    htmlTitle: "The mail as HTML",
    unsubscribe: "Unsubscribe",
    unsubscribed: "Unsubscribed: the sender took it.",
    unsubscribeFailed: "The sender did not take it ({why}).",
    spam: "Report as spam",
    mailStates: {
      accepted: "accepted", processed: "on its way", deferred: "deferred", delivered: "delivered", bounce: "bounced",
      dropped: "dropped",
    },
    tracked: "tracking left on: {what}",
    suppressed: "no more mail: {why}",
    newText: "New text for {name}: {text}",
    newMail: "New mail for {name}: {text}",
    ringing: "{name}'s phone rings",
    wrong: {
      landline: "Next text is not delivered (30006 landline)",
      unreachable: "Next text is not delivered (30003)",
      outage: "Provider fails five times (500)",
      ambiguous: "Next text is accepted, but the answer is lost",
      slow: "Next request takes five seconds",
      limit: "Next three requests: too many (429)",
      lost: "The next reply's webhook is lost",
      noAnswer: "Next call is not answered",
      bounce: "Next mail bounces",
    },
    clear: "All well again",
    asked: "{kind}: {left} left",
    always: "∞",
  },
  es: {
    skip: "Ir a los teléfonos",
    title: "Teléfonos y buzones",
    subtitle: "Ocupa el lugar de Twilio y SendGrid. Nada de esto llega a una persona real.",
    productTime: "Hora del producto",
    addPhone: "Añadir un teléfono",
    number: "Número",
    name: "Nombre",
    add: "Añadir",
    mishaps: "Provocar un fallo",
    ledger: "Registro",
    empty: "Todavía no se ha enviado ningún mensaje. Publique una cita, o añada un teléfono y escriba a la clínica.",
    live: "en directo",
    lost: "sin conexión, intentando de nuevo",
    connecting: "conectando",
    staff: "de guardia",
    optedOut: "dado de baja",
    reply: "Responder como {name}",
    send: "Enviar",
    quick: "Respuestas rápidas",
    scale: "Responder de 0 a 10",
    yes: "SÍ", no: "NO", help: "AYUDA",
    noTexts: "Todavía no hay mensajes.",
    parts: "{n} partes",
    queued: "en cola", accepted: "aceptado", scheduled: "programado", sending: "enviando", sent: "enviado",
    delivered: "entregado", undelivered: "no entregado", failed: "fallido", canceled: "cancelado", read: "leído",
    media: "{n} adjuntos",
    calling: "Llamada entrante",
    inCall: "Al teléfono",
    answer: "Contestar",
    decline: "Rechazar",
    machine: "Que conteste el buzón de voz",
    hangUp: "Colgar",
    press: "pulse una tecla",
    keypad: "Teclado",
    pressed: "pulsó {key}",
    played: "suena {what}",
    machineNote: "buzón de voz",
    call: "Llamada",
    callStates: {
      completed: "terminó a los {n} s", busy: "rechazada", "no-answer": "sin respuesta", failed: "fallida",
      canceled: "retirada", "in-progress": "en curso", ringing: "sonando", queued: "marcando",
    },
    mailbox: "Buzón",
    noMail: "Todavía no hay correo.",
    from: "De",
    back: "Volver al buzón",
    plain: "Texto", html: "HTML",
    htmlTitle: "El correo en HTML",
    unsubscribe: "Darse de baja",
    unsubscribed: "Baja hecha: el remitente la aceptó.",
    unsubscribeFailed: "El remitente no la aceptó ({why}).",
    spam: "Marcar como spam",
    mailStates: {
      accepted: "aceptado", processed: "en camino", deferred: "aplazado", delivered: "entregado", bounce: "rebotado",
      dropped: "descartado",
    },
    tracked: "seguimiento activado: {what}",
    suppressed: "no recibe más correo: {why}",
    newText: "Mensaje nuevo para {name}: {text}",
    newMail: "Correo nuevo para {name}: {text}",
    ringing: "Suena el teléfono de {name}",
    wrong: {
      landline: "El próximo mensaje no se entrega (30006, línea fija)",
      unreachable: "El próximo mensaje no se entrega (30003)",
      outage: "El proveedor falla cinco veces (500)",
      ambiguous: "El próximo mensaje se acepta, pero se pierde la respuesta",
      slow: "La próxima petición tarda cinco segundos",
      limit: "Las próximas tres peticiones: demasiadas (429)",
      lost: "Se pierde el aviso de la próxima respuesta",
      noAnswer: "Nadie contesta la próxima llamada",
      bounce: "El próximo correo rebota",
    },
    clear: "Todo bien otra vez",
    asked: "{kind}: quedan {left}",
    always: "∞",
  },
};

const KEPT = "aftercare.sandbox.language";
let language = recall() || (navigator.language.startsWith("es") ? "es" : "en");
let zone;

function recall() {
  try { return localStorage.getItem(KEPT); } catch { return null; }
}

export function chosen() { return language; }

export function choose(wanted) {
  language = wanted;
  try { localStorage.setItem(KEPT, wanted); } catch { /* private windows may forbid it */ }
}

// The clinic's zone, where the product said which; else the visitor's own.
export function tellIn(wanted) { zone = wanted || undefined; }

export function word(name, values = {}) {
  const found = name.split(".").reduce((words, part) => words?.[part], WORDS[language]) ?? name;
  return found.replace(/\{(\w+)\}/g, (_, key) => values[key] ?? "");
}

function format(at, options) {
  const moment = new Date(at);
  return Number.isNaN(moment.getTime()) ? at : moment.toLocaleString(language, { timeZone: zone, ...options });
}

export const clockOf = (at) => format(at, { hour: "numeric", minute: "2-digit" });
export const dayOf = (at) => format(at, { weekday: "short", month: "short", day: "numeric" });
export const momentOf = (at) => format(at, { weekday: "short", month: "short", day: "numeric", hour: "numeric", minute: "2-digit" });

// The names of all words of each language, so that none is forgotten.
export function shape() {
  const names = (words, path) => Object.entries(words).flatMap(([name, value]) => (
    typeof value === "string" ? [`${path}${name} ${(value.match(/\{\w+\}/g) || []).sort()}`] : names(value, `${path}${name}.`)));
  return Object.values(WORDS).map((words) => names(words, "").sort());
}
