// The workloads of `benches/peers/repositories`, with libraries in JavaScript: `node main.mjs LIBRARY WORKLOAD FOLDER`.

import * as car from '@atcute/car'
import { decode } from '@atcute/cbor'
import * as cidOf from '@atcute/cid'
import { MemoryBlockStore, NodeStore, NodeWrangler, mstDiff, recordDiff } from '@atcute/mst'
import { fromUint8Array } from '@atcute/repo'
import { DataDiff, MST, def, MemoryBlockstore, readCarWithRoot, verifyRepoCar } from '@atproto/repo'
import { CID } from 'multiformats/cid'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const [library, workload, folder] = process.argv.slice(2)
const bytes = (name) => new Uint8Array(readFileSync(join(folder, name)))
const lines = (name) => readFileSync(join(folder, name), 'utf8').trim().split('\n').map((line) => line.split(' '))
const [did, key] = lines('account')[0]

/** The records of a repository as one number: of their CIDs in the order of the paths, and how long those are. */
const listed = (records) => {
  let sum = 0n
  for (const [path, digest] of records) {
    const start = new DataView(digest.buffer, digest.byteOffset).getBigUint64(0)
    sum = BigInt.asUintN(64, sum * 31n + (start ^ BigInt(path.length)))
  }
  return `${records.length}:${sum.toString(16)}`
}
const inOrder = (records) => records.sort(([a], [b]) => (a < b ? -1 : 1))

const atproto = {
  async read(name) {
    const file = bytes(name)
    return () => this.list(file, did, key)
  },
  async list(file, did, key) {
    const { creates } = await verifyRepoCar(file, did, key)
    return listed(
      inOrder(creates.map(({ collection, rkey, cid }) => [`${collection}/${rkey}`, cid.multihash.digest])),
    )
  },
  async tree(name, store) {
    const { blocks, root } = await readCarWithRoot(bytes(name))
    await store.putMany(blocks)
    return MST.load(store, (await store.readObj(root, def.versionedCommit)).data)
  },
  async build() {
    const pairs = lines('pairs').map(([path, cid]) => [path, CID.parse(cid)])
    return async () => {
      let tree = await MST.create(new MemoryBlockstore())
      for (const [path, cid] of pairs) tree = await tree.add(path, cid)
      return (await tree.getPointer()).toString()
    }
  },
  async write() {
    let tree = await this.tree('ordered.car', new MemoryBlockstore())
    const writes = lines('writes').map(([what, path, cid]) => [what, path, cid && CID.parse(cid)])
    return async () => {
      let root
      for (const [what, path, cid] of writes) {
        if (what === 'delete') tree = await tree.delete(path)
        else if (what === 'update') tree = await tree.update(path, cid)
        else tree = await tree.add(path, cid)
        root = await tree.getPointer()
      }
      return root.toString()
    }
  },
  async diff() {
    const store = new MemoryBlockstore()
    const [before, after] = [await this.tree('ordered.car', store), await this.tree('changed.car', store)]
    return async () => {
      const diff = await DataDiff.of(after, before)
      return String(diff.addList().length + diff.updateList().length + diff.deleteList().length)
    }
  },
}

const atcute = {
  // It says of itself that it checks neither the signature nor the tree.
  async read(name) {
    const file = bytes(name)
    return () => this.list(file)
  },
  async list(file) {
    const records = []
    for (const entry of fromUint8Array(file)) {
      records.push([`${entry.collection}/${entry.rkey}`, cidOf.fromString(entry.cid.$link).digest.contents])
    }
    return listed(inOrder(records))
  },
  async tree(name, store) {
    const file = car.fromUint8Array(bytes(name))
    const root = file.roots[0].$link
    let data
    for (const { cid, bytes } of file) {
      const text = cidOf.toString(cid)
      await store.put(text, bytes)
      if (text === root) data = decode(bytes).data.$link
    }
    return data
  },
  async build() {
    const pairs = lines('pairs')
    return async () => {
      const wrangler = new NodeWrangler(new NodeStore(new MemoryBlockStore()))
      let root = null
      for (const [path, cid] of pairs) root = await wrangler.putRecord(root, path, { $link: cid })
      return root
    }
  },
  async write() {
    const store = new MemoryBlockStore()
    let root = await this.tree('ordered.car', store)
    const writes = lines('writes')
    return async () => {
      const wrangler = new NodeWrangler(new NodeStore(store))
      for (const [what, path, cid] of writes) {
        root =
          what === 'delete'
            ? await wrangler.deleteRecord(root, path)
            : await wrangler.putRecord(root, path, { $link: cid })
      }
      return root
    }
  },
  async diff() {
    const store = new MemoryBlockStore()
    const [before, after] = [await this.tree('ordered.car', store), await this.tree('changed.car', store)]
    return async () => {
      const nodes = new NodeStore(store)
      let count = 0
      for await (const _ of recordDiff(nodes, ...(await mstDiff(nodes, before, after)))) count += 1
      return String(count)
    }
  },
}

const side = { '@atproto/repo': atproto, '@atcute': atcute }[library]

/** The hostile catalogue: how many files get the verdict that they must. */
const hostile = async () => {
  let right = 0
  const cases = lines('hostile')
  for (const [name, did, key, verdict] of cases) {
    const isAccepted = await side.list(bytes(name), did, key).then(
      () => true,
      () => false,
    )
    if (isAccepted === (verdict === 'valid')) right += 1
  }
  return `${right}/${cases.length}`
}

const prepared = {
  read: () => side.read('ordered.car'),
  'read-shuffled': () => side.read('shuffled.car'),
  build: () => side.build(),
  write: () => side.write(),
  diff: () => side.diff(),
  hostile: async () => hostile,
}[workload]
if (prepared === undefined) {
  console.log('nothing')
} else {
  const work = await prepared()
  const start = performance.now()
  const result = await work()
  const seconds = (performance.now() - start) / 1000
  const [, peak] = /VmHWM:\s*(\d+)/.exec(readFileSync('/proc/self/status', 'utf8')) ?? [0, 0]
  console.log(seconds, result, peak)
}
