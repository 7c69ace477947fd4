//! Where a request goes: the connection's API domain, or a product's host where its data is.

use std::collections::HashMap;

use http::{HeaderValue, Uri, uri::PathAndQuery};
use zoho_oauth::ApiDomain;

use super::{error::ProxyError, product};

/// A path below this names a product; what follows is the path there.
const TO: &str = "/evergrant/to/";

/// A server to send requests to.
#[derive(Debug)]
pub(super) struct Target {
    /// Scheme, host and port.
    pub(super) origin: String,
    /// What it is told in `Host`.
    pub(super) host: HeaderValue,
}

impl Target {
    /// Makes a target of an origin; None if it is none.
    pub(super) fn new(origin: &str) -> Option<Self> {
        let (_, authority) = origin.split_once("://")?;
        Some(Self {
            origin: origin.to_owned(),
            host: HeaderValue::from_str(authority).ok()?,
        })
    }
}

/// What a path says about the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Way<'a> {
    /// The product; None for what answers at the API domain.
    pub(super) product: Option<&'a str>,
    /// The path at the target.
    pub(super) path: &'a str,
    /// How much of the caller's path names the product.
    prefix: usize,
}

impl<'a> Way<'a> {
    /// Reads a path. Fails if it is one of ours and names no product.
    pub(super) fn of(path: &'a str) -> Result<Self, ProxyError> {
        let Some(named) = path.strip_prefix(TO) else {
            return Ok(Self {
                product: None,
                path,
                prefix: 0,
            });
        };
        let end = named.find('/').ok_or_else(ProxyError::no_product)?;
        Ok(Self {
            product: Some(&named[..end]),
            path: &named[end..],
            prefix: TO.len() + end,
        })
    }

    /// Finds the server that a product answers at, for connections with this API domain.
    pub(super) fn product_target(
        product: &str,
        api_domain: &ApiDomain,
        custom: &HashMap<String, ApiDomain>,
    ) -> Result<Target, ProxyError> {
        let known = || product::origin(product, api_domain.data_center()?);
        let origin = match custom.get(product) {
            Some(origin) => Some(origin.as_str().to_owned()),
            None => known(),
        };
        let target = origin.as_deref().and_then(Target::new);
        target.ok_or_else(ProxyError::no_product)
    }

    /// Returns what stands in the request line, byte for byte as it came.
    pub(super) fn uri(&self, uri: &Uri) -> Result<Uri, ProxyError> {
        if self.prefix == 0 && uri.authority().is_none() {
            return Ok(uri.clone());
        }
        let whole = uri.path_and_query().map_or("/", PathAndQuery::as_str);
        let rest = whole[self.prefix..].parse::<PathAndQuery>();
        rest.map(Uri::from)
            .map_err(|_| ProxyError::usage("ambiguous_path", "the path cannot be sent on"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_goes_to_the_api_domain_or_to_the_product_it_names() {
        let way = Way::of("/crm/v8/Leads").unwrap();
        assert_eq!((way.product, way.path), (None, "/crm/v8/Leads"));
        let way = Way::of("/evergrant/to/desk/api/v1/tickets").unwrap();
        assert_eq!((way.product, way.path), (Some("desk"), "/api/v1/tickets"));
        let way = Way::of("/evergrant/to/desk/").unwrap();
        assert_eq!((way.product, way.path), (Some("desk"), "/"));
        assert!(Way::of("/evergrant/to/desk").is_err());
    }

    #[test]
    fn what_is_sent_is_what_came() {
        let sent = |uri: &'static str| {
            let uri = Uri::from_static(uri);
            let path = uri.path().to_owned();
            Way::of(&path).unwrap().uri(&uri).unwrap().to_string()
        };
        assert_eq!(sent("/crm/v8/Leads?a=%20b&&c"), "/crm/v8/Leads?a=%20b&&c");
        assert_eq!(sent("https://proxy.example/crm?x"), "/crm?x");
        assert_eq!(sent("/evergrant/to/desk/api/v1?x=1"), "/api/v1?x=1");
    }

    #[test]
    fn custom_products_come_first_and_the_port_is_in_the_host() {
        let loopback = ApiDomain::parse("http://127.0.0.1:8480").unwrap();
        let custom = HashMap::from([("desk".to_owned(), loopback.clone())]);
        let eu = ApiDomain::parse("https://www.zohoapis.eu").unwrap();
        let to = |product, domain| Way::product_target(product, domain, &custom);
        assert_eq!(to("desk", &eu).unwrap().host, "127.0.0.1:8480");
        assert_eq!(to("mail", &eu).unwrap().origin, "https://mail.zoho.eu");
        assert_eq!(to("mail", &loopback).unwrap_err().reason(), "no_product");
    }
}
