// Builds the console into assets/, which the status function embeds.
// usage: node build.mjs [--check]: with --check nothing is written, and it fails unless assets/ is what src/ builds.
import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as esbuild from 'esbuild'

const here = dirname(fileURLToPath(import.meta.url))
const assets = join(here, 'assets')
const copied = ['index.html', 'icon.svg'] // as they stand in src/

// typeOf writes a JSON schema of the API's document as a TypeScript type.
function typeOf(schema) {
  if (schema.$ref) return schema.$ref.split('/').pop()
  if (schema.anyOf ?? schema.oneOf) return (schema.anyOf ?? schema.oneOf).map(typeOf).join(' | ')
  if (schema.enum) return schema.enum.map(v => JSON.stringify(v)).join(' | ')
  const kinds = [].concat(schema.type ?? [])
  const one = kind => ({
    string: () => 'string', integer: () => 'number', number: () => 'number', boolean: () => 'boolean',
    null: () => 'null', array: () => `Array<${schema.items ? typeOf(schema.items) : 'unknown'}>`,
    object: () => objectOf(schema),
  })[kind]()
  return kinds.map(one).join(' | ') || 'unknown'
}

function objectOf({ properties, required = [] }) {
  const members = Object.entries(properties ?? {}).map(([name, schema]) =>
    `${JSON.stringify(name)}${required.includes(name) ? '' : '?'}: ${typeOf(schema)}`)
  return members.length ? `{ ${members.join('; ')} }` : 'Record<string, unknown>'
}

// writeTypes makes the types of the API's replies of its document, so that the compiler finds what the
// console expects and the API does not give.
function writeTypes() {
  const { components } = JSON.parse(readFileSync(join(here, '../openapi.json'), 'utf8'))
  const lines = Object.entries(components.schemas).map(([name, schema]) => `export type ${name} = ${typeOf(schema)}`)
  writeFileSync(join(here, 'src/schema.gen.ts'), '// Made by build.mjs of openapi.json.\n' + lines.join('\n') + '\n')
}

// built are the files of assets/, by name.
async function built() {
  const { outputFiles } = await esbuild.build({
    absWorkingDir: here, entryPoints: ['src/console.tsx'], outdir: 'assets', bundle: true, minify: true, write: false,
    format: 'iife', target: ['chrome111', 'firefox113', 'safari16.4'], charset: 'utf8', legalComments: 'inline',
    jsx: 'automatic', jsxImportSource: 'preact', logLevel: 'warning',
  })
  const files = new Map(outputFiles.map(f => [f.path.split(/[\\/]/).pop(), Buffer.from(f.contents)]))
  for (const name of copied) files.set(name, readFileSync(join(here, 'src', name)))
  return files
}

// run runs a program of Node, and ends this one if it fails.
function run(...args) {
  const { status } = spawnSync(process.execPath, args, { cwd: here, stdio: 'inherit' })
  if (status !== 0) process.exit(1)
}

writeTypes()
const files = await built()
if (process.argv.includes('--check')) {
  const stale = [...new Set([...files.keys(), ...readdirSync(assets)])].filter(name => {
    try { return !files.get(name)?.equals(readFileSync(join(assets, name))) } catch { return true }
  })
  if (stale.length) {
    console.error(`rollcall: functions/status/console/assets is not what src builds (${stale.join(', ')}): run make console`)
    process.exit(1)
  }
  run('node_modules/typescript/bin/tsc', '--noEmit')
  run('--test', '--test-reporter=dot', 'test/')
} else {
  rmSync(assets, { recursive: true, force: true })
  mkdirSync(assets)
  for (const [name, content] of files) writeFileSync(join(assets, name), content)
}
