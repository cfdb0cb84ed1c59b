//! Channels: messages to the open pages of all processes, sent with the commit.

#[doc(inline)]
pub use lback_realtime::{
    AppRealtime, Channels, Member, Message, RealtimeSettings, Received, RequestChannels, Subscription, SubscriptionEvents, channel_members,
    channel_messages, channel_processes,
};
