/** A self-signed certificate for localhost, as Horizon's agent creates it. Node reads X.509 but does not write it. */

import { generateKeyPairSync, randomBytes, sign } from "node:crypto";

export interface SelfSigned {
  /** PEM. */
  readonly key: string;
  readonly certificate: string;
}

export function selfSigned(name = "localhost"): SelfSigned {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const algorithm = sequence(objectId([1, 2, 840, 10045, 4, 3, 2]));
  const commonName = sequence(
    tlv(0x31, sequence(objectId([2, 5, 4, 3]), tlv(0x0c, Buffer.from(name)))),
  );
  const extensions = sequence(
    // basicConstraints: its own authority.
    extension([2, 5, 29, 19], sequence(tlv(0x01, Buffer.from([0xff])))),
    // subjectAltName: a DNS name.
    extension([2, 5, 29, 17], sequence(tlv(0x82, Buffer.from(name)))),
  );
  const toBeSigned = sequence(
    tlv(0xa0, integer(Buffer.from([2]))),
    integer(Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    algorithm,
    commonName,
    sequence(utcTime("200101000000Z"), utcTime("491231235959Z")),
    commonName,
    publicKey.export({ type: "spki", format: "der" }),
    tlv(0xa3, extensions),
  );
  const signature = sign("sha256", toBeSigned, privateKey);
  const der = sequence(toBeSigned, algorithm, bits(signature));
  const lines = der.toString("base64").replace(/.{64}/g, "$&\n").trimEnd();
  return {
    key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    certificate: `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`,
  };
}

/** DER: tag, length, value. */
function tlv(tag: number, ...values: readonly Buffer[]): Buffer {
  const value = Buffer.concat(values);
  const { length } = value;
  const head =
    length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255];
  return Buffer.concat([Buffer.from([tag, ...head]), value]);
}

function sequence(...values: readonly Buffer[]): Buffer {
  return tlv(0x30, ...values);
}

function integer(value: Buffer): Buffer {
  return tlv(0x02, value);
}

function bits(value: Buffer): Buffer {
  return tlv(0x03, Buffer.from([0]), value);
}

function utcTime(text: string): Buffer {
  return tlv(0x17, Buffer.from(text));
}

function extension(id: readonly number[], value: Buffer): Buffer {
  return sequence(objectId(id), tlv(0x04, value));
}

function objectId([first = 0, second = 0, ...rest]: readonly number[]): Buffer {
  const base128 = (value: number): number[] => {
    const digits = [value & 127];
    for (let more = value >> 7; more > 0; more >>= 7) digits.unshift((more & 127) | 128);
    return digits;
  };
  return tlv(0x06, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]));
}
