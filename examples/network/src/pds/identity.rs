//! Handles, and the operations by which an identity goes to another host.

use super::session::Session;
use super::{HANDLES, Pds, Served, invalid, refuse, typed};
use crate::storage::Failed;
use atproto_identity::plc::{ClientError, Data, Operation, UnsignedOperation};
use atproto_lexicon::data::Object;
use atproto_lexicon::typed::NoBody;
use atproto_xrpc::api::com::atproto::identity::get_recommended_did_credentials::{
    GetRecommendedDidCredentials, GetRecommendedDidCredentialsOutput,
};
use atproto_xrpc::api::com::atproto::identity::request_plc_operation_signature::RequestPlcOperationSignature;
use atproto_xrpc::api::com::atproto::identity::resolve_handle::{
    ResolveHandle, ResolveHandleError, ResolveHandleOutput,
};
use atproto_xrpc::api::com::atproto::identity::sign_plc_operation::{
    SignPlcOperation, SignPlcOperationOutput,
};
use atproto_xrpc::api::com::atproto::identity::submit_plc_operation::SubmitPlcOperation;
use atproto_xrpc::api::com::atproto::identity::update_handle::UpdateHandle;
use atproto_xrpc::server::{Asked, Refusal, ServeError, XrpcRouter};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::sync::Arc;

pub(super) fn serve(router: XrpcRouter<Pds>) -> XrpcRouter<Pds> {
    let router = router.serve(resolve).serve(update_handle).serve(recommended);
    router.serve(request_signature).serve(sign).serve(submit)
}

async fn resolve(pds: Arc<Pds>, asked: Asked<ResolveHandle>) -> Served<ResolveHandle> {
    let handle = asked.params.handle;
    if let Some(did) = pds.did_of(&handle)? {
        return Ok(ResolveHandleOutput::new(did));
    }
    match pds.directory.lookup_handle(&handle).await {
        Ok(identity) => Ok(ResolveHandleOutput::new(identity.did().clone())),
        Err(_) => Err(ServeError::named(ResolveHandleError::HandleNotFound, "the handle is not found")),
    }
}

async fn update_handle(pds: Arc<Pds>, asked: Asked<UpdateHandle, Session>) -> Served<UpdateHandle> {
    let handle = asked.input.handle.to_normalized();
    let account = pds.account(&asked.caller.0).map_err(typed)?;
    pds.check_own(&handle).map_err(typed)?;
    if pds.did_of(&handle)?.is_some_and(|did| did != account.did) {
        return Err(Refusal::invalid_request("the handle is taken").into());
    }
    let plc = pds.directory.directory();
    let history = plc.plc().history(&account.did).await?;
    let data = history.data().ok_or_else(|| Failed::new("an account whose identity has ended"))?;
    let names = data.also_known_as.iter().filter(|name| !name.starts_with("at://")).cloned();
    let also_known_as = [format!("at://{handle}")].into_iter().chain(names).collect();
    let data = Data { also_known_as, ..data.clone() };
    let operation = UnsignedOperation::Update { data, prev: history.head().copied() }.sign(&pds.rotation)?;
    plc.plc().submit(&account.did, &operation).await?;
    pds.run(move |pds| {
        let mut writing = pds.write()?;
        let mut account = writing.account(&account.did)?;
        if writing
            .change
            .get(HANDLES, handle.as_str())?
            .is_some_and(|did| did != account.did.as_str().as_bytes())
        {
            return Err(invalid("the handle is taken"));
        }
        writing.change.remove(HANDLES, account.handle.as_str())?;
        writing.change.put(HANDLES, handle.as_str(), account.did.as_str().as_bytes())?;
        account.handle = handle;
        writing.put_account(&account)?;
        writing.tell_identity(&account)?;
        Ok(writing.finish()?)
    })
    .await?;
    Ok(NoBody)
}

/// From one form of an object to another, by its JSON.
fn convert<T: DeserializeOwned>(value: &impl Serialize) -> Result<T, Failed> {
    Ok(serde_json::from_value(serde_json::to_value(value)?)?)
}

async fn recommended(
    pds: Arc<Pds>,
    asked: Asked<GetRecommendedDidCredentials, Session>,
) -> Served<GetRecommendedDidCredentials> {
    let account = pds.account(&asked.caller.0).map_err(typed)?;
    let data = pds.data_of(&account.handle, &account.key()?);
    Ok(GetRecommendedDidCredentialsOutput {
        also_known_as: Some(data.also_known_as),
        rotation_keys: Some(data.rotation_keys),
        services: Some(convert(&data.services)?),
        verification_methods: Some(convert(&data.verification_methods)?),
        extra: Object::new(),
    })
}

async fn request_signature(
    pds: Arc<Pds>,
    asked: Asked<RequestPlcOperationSignature, Session>,
) -> Served<RequestPlcOperationSignature> {
    pds.send_token(&asked.caller.0);
    Ok(NoBody)
}

/// Signs the next operation of an identity, for who has the token that was sent.
async fn sign(pds: Arc<Pds>, asked: Asked<SignPlcOperation, Session>) -> Served<SignPlcOperation> {
    let asked_for = asked.input;
    let did = asked.caller.0;
    let token = asked_for.token.as_deref().unwrap_or_default();
    pds.take_token(&did, token).map_err(typed)?;
    let history = pds.directory.directory().plc().history(&did).await?;
    let mut data =
        history.data().cloned().ok_or_else(|| Failed::new("an account whose identity has ended"))?;
    data.also_known_as = asked_for.also_known_as.unwrap_or(data.also_known_as);
    data.rotation_keys = asked_for.rotation_keys.unwrap_or(data.rotation_keys);
    if let Some(services) = &asked_for.services {
        data.services = convert(services).map_err(|error| Refusal::invalid_request(error.0))?;
    }
    if let Some(methods) = &asked_for.verification_methods {
        data.verification_methods = convert(methods).map_err(|error| Refusal::invalid_request(error.0))?;
    }
    data.check().map_err(Refusal::invalid_request)?;
    let operation = UnsignedOperation::Update { data, prev: history.head().copied() }.sign(&pds.rotation)?;
    Ok(SignPlcOperationOutput::new(convert(&operation)?))
}

/// Hands an operation on, where it leaves the account with this host.
async fn submit(pds: Arc<Pds>, asked: Asked<SubmitPlcOperation, Session>) -> Served<SubmitPlcOperation> {
    let operation: Operation =
        convert(&asked.input.operation).map_err(|error| Refusal::invalid_request(error.0))?;
    let account = pds.account(&asked.caller.0).map_err(typed)?;
    let wanted = pds.data_of(&account.handle, &account.key()?);
    let is_ours = operation.unsigned.data().is_some_and(|data| {
        data.verification_methods.get("atproto") == wanted.verification_methods.get("atproto")
            && data.services.get("atproto_pds") == wanted.services.get("atproto_pds")
            && data.rotation_keys.contains(&pds.rotation.public_key().to_did_key())
    });
    if !is_ours {
        return Err(typed(refuse("InvalidRequest", "the operation does not leave the account here")));
    }
    match pds.directory.directory().plc().submit(&account.did, &operation).await {
        Err(ClientError::Rejected { message, .. }) => return Err(Refusal::invalid_request(message).into()),
        submitted => submitted?,
    }
    pds.run(move |pds| {
        let mut writing = pds.write()?;
        writing.tell_identity(&account)?;
        Ok(writing.finish()?)
    })
    .await?;
    Ok(NoBody)
}
