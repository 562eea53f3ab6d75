// SPDX-License-Identifier: MIT
// A form made of what scripts declare of a message.

import { html } from 'htm/preact';

const isSimple = (schema) =>
  ['string', 'number', 'integer', 'boolean'].includes(schema.type) || schema.enum;

/** The fields of a schema; null: it says nothing of any. */
export const fieldsOf = (schema) =>
  (schema?.properties ? Object.entries(schema.properties) : null);

function Control({ schema, required, id }) {
  const shared = { id, name: id, required };
  if (schema.enum) {
    return html`<select ...${shared}>${!required && html`<option value=""></option>`}
      ${schema.enum.map((it) => html`<option key=${it}
        value=${JSON.stringify(it)}>${String(it)}</option>`)}</select>`;
  }
  if (schema.type === 'boolean') {
    return html`<select ...${shared}>${!required && html`<option value=""></option>`}
      <option>true</option><option>false</option></select>`;
  }
  if (schema.type === 'integer' || schema.type === 'number') {
    return html`<input ...${shared} type="number" min=${schema.minimum}
      max=${schema.maximum} step=${schema.type === 'integer' ? 1 : 'any'} />`;
  }
  if (schema.type === 'string') {
    return html`<input ...${shared} minlength=${schema.minLength}
      maxlength=${schema.maxLength} autocapitalize="none" autocomplete="off" />`;
  }
  return html`<textarea ...${shared} rows="2" class="mono" spellcheck="false"
    placeholder="JSON"></textarea>`;
}

const hint = (schema, required) => [schema.enum ? null : schema.type,
  required ? null : 'may be left out'].filter(Boolean).join(', ');

/** Inputs for a schema with fields. `prefix` is for their ids. */
export function Fields({ schema, prefix }) {
  const needed = new Set(schema.required);
  return fieldsOf(schema).map(([name, it]) => html`<div key=${name}>
    <label for=${`${prefix}${name}`}>${name}${' '}
      <span class="dim">${hint(it, needed.has(name))}</span></label>
    <${Control} schema=${it} required=${needed.has(name)}
      id=${`${prefix}${name}`} /></div>`);
}

function read(schema, value) {
  if (schema.enum || schema.type === 'boolean' || !isSimple(schema)) {
    return JSON.parse(value);
  }
  return schema.type === 'string' ? value : Number(value);
}

/** What is in the form; throws if a field is not JSON. */
export function valuesOf(form, schema, prefix) {
  const values = {};
  const needed = new Set(schema.required);
  for (const [name, it] of fieldsOf(schema)) {
    const value = form.elements[`${prefix}${name}`].value;
    if (value === '' && !needed.has(name)) continue;
    try {
      values[name] = read(it, value);
    } catch (error) {
      throw new Error(`${name} is not JSON: ${error.message}`);
    }
  }
  return values;
}
