//! One discovered provider: where it signs people in, and how its answers are verified.

use std::sync::{PoisonError, RwLock};

use jiff::{SignedDuration, Timestamp};
use openidconnect::{
    AccessTokenHash, AdditionalProviderMetadata, AuthType, AuthorizationCode, Client, ClientId, ClientSecret,
    CsrfToken, DiscoveryError, EmptyExtraTokenFields, EndpointMaybeSet, EndpointNotSet, EndpointSet, IdTokenFields,
    IdTokenVerifier, IssuerUrl, JsonWebKeySet, Nonce, OAuth2TokenResponse as _, PkceCodeChallenge, PkceCodeVerifier,
    ProviderMetadata, RedirectUrl, RequestTokenError, Scope, SignatureVerificationError, StandardErrorResponse,
    StandardTokenResponse, TokenResponse as _, UserInfoClaims, UserInfoError,
    core::{
        CoreAuthDisplay, CoreAuthPrompt, CoreAuthenticationFlow, CoreClaimName, CoreClaimType, CoreClientAuthMethod,
        CoreErrorResponseType, CoreGenderClaim, CoreGrantType, CoreJsonWebKey, CoreJweContentEncryptionAlgorithm,
        CoreJweKeyManagementAlgorithm, CoreJwsSigningAlgorithm, CoreResponseMode, CoreResponseType, CoreRevocableToken,
        CoreRevocationErrorResponse, CoreSubjectIdentifierType, CoreTokenIntrospectionResponse, CoreTokenType,
    },
};
use openidconnect::{ClaimsVerificationError, IdToken};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::{
    IdentityConfig,
    claims::{Described, FurtherClaims, Identified, identified},
    config::is_protected,
    notice::plain,
    provider_http::{ProviderHttp, ProviderHttpError},
};

/// How the provider may sign: with a key of its own. `none` says nothing, and HS* would let whoever knows the client
/// secret sign (RFC 8725, section 3.1).
const ALLOWED_ALGORITHMS: [CoreJwsSigningAlgorithm; 9] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha384,
    CoreJwsSigningAlgorithm::RsaSsaPssSha512,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EdDsa,
];

/// How far the provider's clock may be ahead of ours.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_mins(5);

/// What this portal reads in the discovery document beyond the core of it.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct FurtherMetadata {
    /// OpenID Connect RP-Initiated Logout 1.0.
    end_session_endpoint: Option<Url>,
    /// RFC 9207.
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

impl AdditionalProviderMetadata for FurtherMetadata {}

type Metadata = ProviderMetadata<
    FurtherMetadata,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

type PortalIdToken =
    IdToken<FurtherClaims, CoreGenderClaim, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm>;

type PortalTokenResponse = StandardTokenResponse<
    IdTokenFields<
        FurtherClaims,
        EmptyExtraTokenFields,
        CoreGenderClaim,
        CoreJweContentEncryptionAlgorithm,
        CoreJwsSigningAlgorithm,
    >,
    CoreTokenType,
>;

type PortalClient = Client<
    FurtherClaims,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    StandardErrorResponse<CoreErrorResponseType>,
    PortalTokenResponse,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// The provider could not be discovered. The text is for the log.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DiscoveryFailed {
    #[error("{0}")]
    Answer(#[from] DiscoveryError<ProviderHttpError>),
    #[error("the discovery document names an endpoint that is not https: {0}")]
    Unprotected(Url),
    #[error("an earlier attempt at the same moment failed")]
    Earlier,
}

/// Who signed in could not be found out. The texts carry no token, code or secret.
#[derive(Debug, thiserror::Error)]
pub(crate) enum IdentifyError {
    #[error("the provider did not answer while the code was exchanged: {0}")]
    NoAnswer(String),
    #[error("the provider did not accept the code: {0}")]
    Exchange(String),
    #[error("the provider's answer holds no ID token")]
    NoIdToken,
    #[error("the ID token was not accepted: {0}")]
    Token(String),
    #[error("userinfo was not accepted: {0}")]
    UserInfo(String),
}

/// What the browser is sent off with, and what must be kept to recognise it when it comes back.
pub(crate) struct Departure {
    pub(crate) url: Url,
    pub(crate) state: CsrfToken,
    pub(crate) nonce: Nonce,
    pub(crate) verifier: PkceCodeVerifier,
}

/// A provider whose discovery document was read.
pub(crate) struct Provider {
    metadata: Metadata,
    /// Replaced when the provider signs with a key that is not among them.
    keys: RwLock<JsonWebKeySet<CoreJsonWebKey>>,
    http: ProviderHttp,
}

impl Provider {
    /// Reads the discovery document and the keys.
    pub(crate) async fn discover(issuer: IssuerUrl, http: ProviderHttp) -> Result<Self, DiscoveryFailed> {
        let metadata = Metadata::discover_async(issuer, &http).await?;
        let further = metadata.additional_metadata();
        let endpoints = [
            Some(metadata.authorization_endpoint().url()),
            metadata.token_endpoint().map(|endpoint| endpoint.url()),
            metadata.userinfo_endpoint().map(|endpoint| endpoint.url()),
            Some(metadata.jwks_uri().url()),
            further.end_session_endpoint.as_ref(),
        ];
        if let Some(open) = endpoints.into_iter().flatten().find(|endpoint| !is_protected(endpoint)) {
            return Err(DiscoveryFailed::Unprotected(open.clone()));
        }
        let keys = RwLock::new(metadata.jwks().clone());
        Ok(Self { metadata, keys, http })
    }

    /// A fresh way to the provider's sign-in page, with state, nonce and PKCE (S256).
    pub(crate) fn depart(&self, config: &IdentityConfig) -> Departure {
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let client = self.client(config);
        let (url, state, nonce) = client
            .authorize_url(
                CoreAuthenticationFlow::AuthorizationCode,
                || CsrfToken::new_random_len(32),
                || Nonce::new_random_len(32),
            )
            .add_scopes(config.scopes.iter().filter(|scope| *scope != "openid").cloned().map(Scope::new))
            .set_pkce_challenge(challenge)
            .url();
        Departure { url, state, nonce, verifier }
    }

    /// Whether the `iss` of an authorization response is this provider's (RFC 9207).
    pub(crate) fn sent(&self, iss: Option<&str>) -> bool {
        match iss {
            Some(iss) => iss == self.metadata.issuer().as_str(),
            None => !self.metadata.additional_metadata().authorization_response_iss_parameter_supported,
        }
    }

    /// Where to send a browser that signed out here, so that the provider forgets the person too.
    pub(crate) fn end_session(&self, config: &IdentityConfig) -> Option<Url> {
        let mut url = self.metadata.additional_metadata().end_session_endpoint.clone()?;
        url.query_pairs_mut()
            .append_pair("client_id", &config.client_id)
            .append_pair("post_logout_redirect_uri", config.public("/auth/signed-out").as_str());
        Some(url)
    }

    /// Exchanges the code, verifies the ID token and reads who it is about.
    pub(crate) async fn identify(
        &self,
        config: &IdentityConfig,
        code: AuthorizationCode,
        verifier: PkceCodeVerifier,
        nonce: &Nonce,
    ) -> Result<Identified, IdentifyError> {
        let client = self.client(config);
        let tokens = client
            .exchange_code(code)
            .map_err(|error| IdentifyError::Exchange(error.to_string()))?
            .set_pkce_verifier(verifier)
            .request_async(&self.http)
            .await
            .map_err(exchange_failed)?;
        // RFC 6750, section 2.1. The library would panic when it puts anything else into a header.
        if !tokens.access_token().secret().bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(IdentifyError::Exchange("the access token is none".into()));
        }
        let id_token = tokens.id_token().ok_or(IdentifyError::NoIdToken)?;
        self.verify(config, id_token, nonce, &tokens).await?;
        let key_set = self.key_set();
        let claims =
            id_token.claims(&id_token_verifier(config, &self.metadata, key_set), nonce).map_err(token_failed)?;

        let (name, username, email) = (claims.name(), claims.preferred_username(), claims.email());
        let groups = claims.additional_claims().groups(&config.groups_claim);
        // Many providers keep groups and names out of the ID token and tell them in userinfo only.
        let identified = if groups.is_some() || self.metadata.userinfo_endpoint().is_none() {
            identified(claims.subject(), Described { name, username, email, groups })
        } else {
            let info: UserInfoClaims<FurtherClaims, CoreGenderClaim> = client
                .user_info(tokens.access_token().clone(), Some(claims.subject().clone()))
                .map_err(|error| IdentifyError::UserInfo(error.to_string()))?
                .request_async(&self.http)
                .await
                .map_err(user_info_failed)?;
            let told = Described {
                name: name.or(info.name()),
                username: username.or(info.preferred_username()),
                email: email.or(info.email()),
                groups: info.additional_claims().groups(&config.groups_claim),
            };
            identified(claims.subject(), told)
        };
        identified.ok_or_else(|| IdentifyError::Token("the subject is empty, too long or no text".into()))
    }

    /// Verifies the ID token; where no key fits, once more with the provider's keys of this moment, for it may have
    /// changed them since discovery.
    async fn verify(
        &self,
        config: &IdentityConfig,
        id_token: &PortalIdToken,
        nonce: &Nonce,
        tokens: &PortalTokenResponse,
    ) -> Result<(), IdentifyError> {
        let first = check_token(config, &self.metadata, self.key_set(), id_token, nonce, tokens);
        let Err(ClaimsVerificationError::SignatureVerification(
            SignatureVerificationError::NoMatchingKey | SignatureVerificationError::CryptoError(_),
        )) = first
        else {
            return first.map_err(token_failed);
        };
        let keys = JsonWebKeySet::fetch_async(self.metadata.jwks_uri(), &self.http)
            .await
            .map_err(|error| IdentifyError::NoAnswer(error.to_string()))?;
        check_token(config, &self.metadata, keys.clone(), id_token, nonce, tokens).map_err(token_failed)?;
        tracing::info!("the identity provider signs with a new key");
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = keys;
        Ok(())
    }

    fn key_set(&self) -> JsonWebKeySet<CoreJsonWebKey> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn client(&self, config: &IdentityConfig) -> PortalClient {
        let secret = config.client_secret.as_ref().map(|secret| ClientSecret::new(secret.expose().to_owned()));
        let client =
            Client::from_provider_metadata(self.metadata.clone(), ClientId::new(config.client_id.clone()), secret)
                .set_redirect_uri(RedirectUrl::from_url(config.public("/auth/callback")));
        let methods = self.metadata.token_endpoint_auth_methods_supported();
        let basic = methods.is_none_or(|methods| methods.contains(&CoreClientAuthMethod::ClientSecretBasic));
        client.set_auth_type(if basic { AuthType::BasicAuth } else { AuthType::RequestBody })
    }
}

fn id_token_verifier<'v>(
    config: &IdentityConfig,
    metadata: &Metadata,
    keys: JsonWebKeySet<CoreJsonWebKey>,
) -> IdTokenVerifier<'v, CoreJsonWebKey> {
    let latest = Timestamp::now().saturating_add(CLOCK_SKEW).unwrap_or(Timestamp::MAX).as_second();
    IdTokenVerifier::new_public_client(ClientId::new(config.client_id.clone()), metadata.issuer().clone(), keys)
        .set_allowed_algs(ALLOWED_ALGORITHMS)
        .set_issue_time_verifier_fn(move |issued| {
            if issued.timestamp() > latest { Err("issued in the future".to_owned()) } else { Ok(()) }
        })
}

/// OpenID Connect Core, section 3.1.3.7, and the access token's hash of section 3.1.3.8.
fn check_token(
    config: &IdentityConfig,
    metadata: &Metadata,
    keys: JsonWebKeySet<CoreJsonWebKey>,
    id_token: &PortalIdToken,
    nonce: &Nonce,
    tokens: &PortalTokenResponse,
) -> Result<(), ClaimsVerificationError> {
    let verifier = id_token_verifier(config, metadata, keys);
    let claims = id_token.claims(&verifier, nonce)?;
    if claims.authorized_party().is_some_and(|party| party.as_str() != config.client_id) {
        return Err(ClaimsVerificationError::InvalidAudience("it was issued to another client".into()));
    }
    if let Some(expected) = claims.access_token_hash() {
        let algorithm = id_token.signing_alg().map_err(ClaimsVerificationError::SignatureVerification)?;
        let key = id_token.signing_key(&verifier).map_err(ClaimsVerificationError::SignatureVerification)?;
        let actual = AccessTokenHash::from_token(tokens.access_token(), algorithm, key)
            .map_err(|error| ClaimsVerificationError::Other(error.to_string()))?;
        if actual != *expected {
            return Err(ClaimsVerificationError::Other("it belongs to another access token".into()));
        }
    }
    Ok(())
}

fn exchange_failed(
    error: RequestTokenError<ProviderHttpError, StandardErrorResponse<CoreErrorResponseType>>,
) -> IdentifyError {
    match error {
        RequestTokenError::Request(error) => IdentifyError::NoAnswer(error.to_string()),
        RequestTokenError::ServerResponse(answer) => IdentifyError::Exchange(plain(&answer.to_string(), 200)),
        // The cause of a parse error may quote the answer, and with it a token.
        RequestTokenError::Parse(..) => IdentifyError::Exchange("its answer is not a token response".into()),
        RequestTokenError::Other(_) => IdentifyError::Exchange("its answer makes no sense".into()),
    }
}

fn token_failed(error: ClaimsVerificationError) -> IdentifyError {
    let text = match error {
        ClaimsVerificationError::SignatureVerification(cause) => cause.to_string(),
        other => other.to_string(),
    };
    IdentifyError::Token(plain(&text, 200))
}

fn user_info_failed(error: UserInfoError<ProviderHttpError>) -> IdentifyError {
    match error {
        UserInfoError::Request(error) => IdentifyError::NoAnswer(error.to_string()),
        UserInfoError::ClaimsVerification(cause) => IdentifyError::UserInfo(plain(&cause.to_string(), 200)),
        UserInfoError::Response(status, _, _) => IdentifyError::UserInfo(format!("status {status}")),
        _ => IdentifyError::UserInfo("its answer is not a set of claims".into()),
    }
}
