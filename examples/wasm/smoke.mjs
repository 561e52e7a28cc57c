// Verifies repositories with the WebAssembly module: `node smoke.mjs MODULE.wasm DID KEY FILE.car=VERDICT...`; for a folder,
// all of its files `*.VERDICT.car`. A verdict is a number of records, `invalid` or `incomplete`.
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";

const [wasm, did, key, ...files] = process.argv.slice(2);
const module = new WebAssembly.Module(readFileSync(wasm));
const { exports } = new WebAssembly.Instance(module);

function push(bytes) {
    exports.clear();
    const whole = bytes.length - (bytes.length % 8);
    for (let at = 0; at < whole; at += 8) exports.push(bytes.readBigUInt64LE(at), 8);
    for (let at = whole; at < bytes.length; at++) exports.push(BigInt(bytes[at]), 1);
}

push(Buffer.from(`${did} ${key}`));
assert.equal(exports.set_signer(), 1, "a DID and a did:key");

let count = 0;
function check(file, expected) {
    push(readFileSync(file));
    const number = exports.verify();
    const verdict = { [-1]: "invalid", [-2]: "incomplete", [-5]: "different" }[number] ?? String(number);
    assert.equal(verdict, expected, file);
    count++;
}

for (const argument of files) {
    const [file, verdict] = argument.split("=");
    if (verdict) check(file, verdict);
    else for (const name of readdirSync(file)) check(join(file, name), basename(name).split(".")[1]);
}
assert.ok(count > 0, "no file was given");
console.log(`${count} repositories verified in WebAssembly`);
