//! Tells people: chat webhooks, PagerDuty and mail, each behind the port [`operations::Channel`].
