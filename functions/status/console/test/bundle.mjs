// load is a module of the console's sources, as it is built.
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as esbuild from 'esbuild'

const sources = join(dirname(fileURLToPath(import.meta.url)), '../src')

export async function load(name) {
  const { outputFiles } = await esbuild.build({
    entryPoints: [join(sources, name)], bundle: true, write: false, format: 'esm', charset: 'utf8', logLevel: 'warning',
  })
  return import('data:text/javascript;base64,' + Buffer.from(outputFiles[0].contents).toString('base64'))
}
