//! The demo provider's key, made at each start, and the tokens it signs.

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use openidconnect::{
    JsonWebKeyId, PrivateSigningKey as _,
    core::{CoreEdDsaPrivateSigningKey, CoreJsonWebKey, CoreJwsSigningAlgorithm},
};
use serde_json::{Value, json};

/// What stands before the 32 bytes of an Ed25519 key in PKCS #8 (RFC 8410, section 7).
const PKCS8_ED25519: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

/// 256 random bits, safe in addresses and headers.
pub(super) fn random_token() -> String {
    URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>())
}

/// An Ed25519 key with a random name.
pub(super) struct SigningKey {
    id: String,
    key: CoreEdDsaPrivateSigningKey,
}

impl SigningKey {
    pub(super) fn generate() -> Result<Self, String> {
        let id = random_token();
        let der = [PKCS8_ED25519.as_slice(), &rand::random::<[u8; 32]>()].concat();
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", STANDARD.encode(der));
        let key = CoreEdDsaPrivateSigningKey::from_ed25519_pem(&pem, Some(JsonWebKeyId::new(id.clone())))?;
        Ok(Self { id, key })
    }

    pub(super) fn public(&self) -> CoreJsonWebKey {
        self.key.as_verification_key()
    }

    /// Signs claims as a compact JWS (RFC 7515, section 7.1).
    pub(super) fn sign(&self, claims: &Value) -> Result<String, String> {
        let header = json!({"alg": "EdDSA", "typ": "JWT", "kid": self.id});
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", part(&header), part(claims));
        let signature =
            self.key.sign(&CoreJwsSigningAlgorithm::EdDsa, message.as_bytes()).map_err(|error| error.to_string())?;
        Ok(format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}
