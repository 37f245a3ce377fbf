//! What is read and checked.

use serde_json::{Value, json};

/// A schema and a document that is valid against it.
pub struct Document {
    /// What it is.
    pub name: &'static str,
    /// Its schema.
    pub schema: Value,
    /// Its text, as a client writes it: without white space.
    pub text: String,
}

/// Users and orders, of about so many bytes each.
#[must_use]
pub fn of_size(bytes: usize) -> [Document; 2] {
    [
        Document { name: "users", schema: users(), text: array(bytes, user) },
        Document { name: "orders", schema: orders(), text: array(bytes, order) },
    ]
}

/// An array of elements until there are so many bytes.
fn array(bytes: usize, element: impl Fn(usize) -> Value) -> String {
    let mut text = String::from("[");
    for index in 0.. {
        let next = element(index).to_string();
        if text.len() + next.len() >= bytes && index > 0 {
            break;
        }
        if index > 0 {
            text.push(',');
        }
        text.push_str(&next);
    }
    text.push(']');
    text
}

/// An array of what `envoy-configs/envoy/schema-guard.yaml` takes.
fn users() -> Value {
    json!({ "type": "array", "items": user_schema() })
}

/// The schema of one user, as `envoy-configs/envoy/schema-guard.yaml` has it.
fn user_schema() -> Value {
    serde_json::from_str(include_str!("../../../plugins/schema-guard/tests/shared/user.schema.json"))
        .unwrap_or_default()
}

fn user(index: usize) -> Value {
    json!({ "user_id": index + 1, "email": format!("user.{index}@mail.example.com") })
}

/// Orders as shops exchange them: `$ref`, `enum`, `pattern`, `oneOf`.
fn orders() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "array",
        "items": { "$ref": "#/$defs/order" },
        "$defs": {
            "order": {
                "type": "object",
                "properties": {
                    "id": { "type": "string", "pattern": "^ORD-[0-9]{4}-[0-9]{6}$" },
                    "status": { "enum": ["new", "paid", "packed", "shipped", "delivered", "returned"] },
                    "customer": { "$ref": "#/$defs/customer" },
                    "lines": { "type": "array", "minItems": 1, "maxItems": 100, "items": { "$ref": "#/$defs/line" } },
                    "payment": { "oneOf": [{ "$ref": "#/$defs/card" }, { "$ref": "#/$defs/transfer" }] },
                    "total": { "$ref": "#/$defs/money" },
                    "gift": { "type": "boolean" },
                    "note": { "type": ["string", "null"], "maxLength": 200 }
                },
                "required": ["id", "status", "customer", "lines", "payment", "total"],
                "additionalProperties": false
            },
            "customer": {
                "type": "object",
                "properties": {
                    "name": { "type": "string", "minLength": 1, "maxLength": 100 },
                    "email": { "type": "string", "format": "email" },
                    "country": { "type": "string", "pattern": "^[A-Z]{2}$" }
                },
                "required": ["name", "email"],
                "additionalProperties": false
            },
            "line": {
                "type": "object",
                "properties": {
                    "sku": { "type": "string", "pattern": "^[A-Z]{3}-[0-9]{4,8}$" },
                    "quantity": { "type": "integer", "minimum": 1, "maximum": 1000 },
                    "price": { "$ref": "#/$defs/money" }
                },
                "required": ["sku", "quantity", "price"],
                "additionalProperties": false
            },
            "money": {
                "type": "object",
                "properties": {
                    "amount": { "type": "number", "minimum": 0 },
                    "currency": { "enum": ["EUR", "USD", "GBP", "CHF", "JPY"] }
                },
                "required": ["amount", "currency"],
                "additionalProperties": false
            },
            "card": {
                "type": "object",
                "properties": {
                    "kind": { "const": "card" },
                    "last4": { "type": "string", "pattern": "^[0-9]{4}$" },
                    "expires": { "type": "string", "pattern": "^(0[1-9]|1[0-2])/[0-9]{2}$" }
                },
                "required": ["kind", "last4"],
                "additionalProperties": false
            },
            "transfer": {
                "type": "object",
                "properties": {
                    "kind": { "const": "transfer" },
                    "iban": { "type": "string", "pattern": "^[A-Z]{2}[0-9]{2}[A-Z0-9]{10,30}$" }
                },
                "required": ["kind", "iban"],
                "additionalProperties": false
            }
        }
    })
}

fn order(index: usize) -> Value {
    let money = |cents: usize| json!({ "amount": (cents as f64) / 100.0, "currency": "EUR" });
    let lines: Vec<Value> = (0..=index % 4)
        .map(|line| {
            let sku = format!("ABC-{:06}", index * 7 + line);
            json!({ "sku": sku, "quantity": line + 1, "price": money(1999 + index + line) })
        })
        .collect();
    let payment = if index.is_multiple_of(2) {
        json!({ "kind": "card", "last4": format!("{:04}", index % 10_000), "expires": "09/28" })
    } else {
        json!({ "kind": "transfer", "iban": format!("DE02{:018}", index) })
    };
    let status = ["new", "paid", "shipped"].get(index % 3);
    json!({
        "id": format!("ORD-2026-{index:06}"),
        "status": status,
        "customer": {
            "name": format!("Zoë Müller {index}"),
            "email": format!("zoe.{index}@example.com"),
            "country": "DE"
        },
        "lines": lines,
        "payment": payment,
        "total": money(4999 + index),
        "gift": index.is_multiple_of(5),
        "note": if index.is_multiple_of(3) { Value::Null } else { json!("Please ring twice; the dog is friendly.") }
    })
}
