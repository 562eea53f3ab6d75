// SPDX-License-Identifier: MIT
// HS256 tokens, as Perigee checks them: algorithm, signature, expiry, user.
import { createHmac, timingSafeEqual } from "node:crypto";

/** Returns the user of a token that is good, else null. */
export function userOf(token, secret) {
  const parts = typeof token === "string" ? token.split(".") : [];
  if (parts.length !== 3) return null;
  try {
    const { alg } = decode(parts[0]);
    const { sub, exp } = decode(parts[1]);
    const expected = createHmac("sha256", secret)
      .update(`${parts[0]}.${parts[1]}`)
      .digest();
    const given = Buffer.from(parts[2], "base64url");
    const good =
      alg === "HS256" &&
      given.length === expected.length &&
      timingSafeEqual(given, expected) &&
      typeof exp === "number" &&
      exp * 1000 > Date.now();
    return good && typeof sub === "string" ? sub : null;
  } catch {
    return null; // not JSON
  }
}

function decode(part) {
  return JSON.parse(Buffer.from(part, "base64url").toString());
}
