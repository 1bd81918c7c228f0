/** Opens a transaction on an LMDB directory, writes into it, says so, and never ends it. */
import { writeSync } from 'node:fs'
import { openLmdbFile } from '../../../dist/server/store/lmdb-file.js'

const file = openLmdbFile(process.argv[2], 2 ** 20)
file.root.transactionSync(() => {
  file.markers.putSync(Buffer.from('held'), Buffer.alloc(32))
  writeSync(1, 'held\n')
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
})
