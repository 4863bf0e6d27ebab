/**
 * Names that time zones had before, and have now. Node.js knows the former ones too, but the bastion's Ubuntu keeps them in a package
 * of its own, tzdata-legacy.
 * @see https://launchpad.net/ubuntu/noble/+package/tzdata-legacy
 */
const renamed = new Map(
  Object.entries({
    "Africa/Asmera": "Africa/Asmara",
    "America/Buenos_Aires": "America/Argentina/Buenos_Aires",
    "America/Catamarca": "America/Argentina/Catamarca",
    "America/Coral_Harbour": "America/Atikokan",
    "America/Cordoba": "America/Argentina/Cordoba",
    "America/Godthab": "America/Nuuk",
    "America/Indianapolis": "America/Indiana/Indianapolis",
    "America/Jujuy": "America/Argentina/Jujuy",
    "America/Louisville": "America/Kentucky/Louisville",
    "America/Mendoza": "America/Argentina/Mendoza",
    "Asia/Calcutta": "Asia/Kolkata",
    "Asia/Katmandu": "Asia/Kathmandu",
    "Asia/Rangoon": "Asia/Yangon",
    "Asia/Saigon": "Asia/Ho_Chi_Minh",
    "Atlantic/Faeroe": "Atlantic/Faroe",
    "Europe/Kiev": "Europe/Kyiv",
    "Pacific/Enderbury": "Pacific/Kanton",
    "Pacific/Ponape": "Pacific/Pohnpei",
    "Pacific/Truk": "Pacific/Chuuk",
  }),
);

const known: ReadonlySet<string> = new Set(
  ["UTC", ...Intl.supportedValuesOf("timeZone")].map((name) => renamed.get(name) ?? name),
);

/** Why the bastion would not know a time zone; undefined if it does. */
export function timezoneProblem(name: string): string | undefined {
  if (known.has(name)) return undefined;
  const now = renamed.get(name);
  return now === undefined
    ? "must be a name of the IANA time zone database, e.g. Europe/Berlin or UTC, in its own spelling"
    : `is a former name, which the bastion does not know: write ${now}`;
}
