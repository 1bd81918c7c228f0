/** ISO 3166-1 alpha-2, as assigned in 2025, and `XK` for Kosovo, which country databases use. */
const assigned: ReadonlySet<string> = new Set(
  `AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY
  BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK
  FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR
  IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK
  ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM
  PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF
  TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS XK YE YT ZA ZM ZW`.split(
    /\s+/,
  ),
)

/**
 * The code in capitals of a country that there is, or null. `UK` is none (it is `GB`), and neither are what
 * look-ups say where they know none: `XX` and `T1` of CDNs, `ZZ`, `EU` and `AP` of databases.
 */
export function parseAssignedCountry(text: string): string | null {
  const code = /^[A-Za-z]{2}$/.test(text) ? text.toUpperCase() : ''
  return assigned.has(code) ? code : null
}

/** Europe, and Asia and the Pacific: what older country databases say of addresses whose country they do not know. */
const regions: ReadonlySet<string> = new Set(['EU', 'AP'])

/**
 * The code in capitals of a country that a token may name, or null. Of a misspelt one (`UK`) a list to deny would let in
 * whom it was meant for.
 */
export function parseNamedCountry(text: string): string | null {
  const code = text.toUpperCase()
  return regions.has(code) ? code : parseAssignedCountry(text)
}
