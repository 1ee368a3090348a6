// Worker: answering the calls that the VMM waits for between two commands of a long buffer.
//
// A new buffer, its mapping and its export depend on the command that made the object, and on
// records that attach or detach the resource. Once the object is there, and no such record waits in
// front, the call is answered ahead of its turn. A call whose object is still to be made waits: the
// command that makes it may be anywhere in front.
#include <set>

#include "base/clock.h"
#include "drm-context/worker/record_fields.h"
#include "drm-context/worker/worker.h"

namespace viaduct {

using transport::RecordType;

namespace {

// A look walks through the whole ring.
constexpr int64_t kLookInterval = 1'000'000;  // ns

}  // namespace

void Worker::between_commands() {
    announce_object();
    const int64_t now = monotonic_ns();
    if (spare_processor_) spare_processor_->worked(now);
    if (report_due_ <= now) report_retired();
    if (now >= next_look_ns_) answer_waiting_calls();
}

// A guest that has waited for its object to be made before it asks for the blob finds the VMM
// informed: neither the creation nor the mapping that follows has to wait for this worker, however
// late it gets a processor.
void Worker::announce_object() {
    const auto blob_id = context_->objects().take_newest();
    if (!blob_id || announced_.size() >= transport::kMostAnnounced) return;
    const auto object = context_->describe_unclaimed(*blob_id);
    if (!object) return;
    transport::Reply news{};
    news.cookie = transport::kAnnouncementCookie;
    news.blob_id = *blob_id;
    news.size = object->size;
    news.cache = static_cast<uint32_t>(object->cache);
    news.if_opaque = object->if_opaque ? 1 : 0;
    if (object->source) {
        news.offset = object->source->offset;
        news.has_place = 1;
    }
    const int descriptor = object->source ? object->source->fd.get() : -1;
    if (transport::send_message(end_.socket.get(), std::as_bytes(std::span(&news, 1)), descriptor))
        announced_.insert(*blob_id);
}

void Worker::answer_waiting_calls() {
    std::set<ResourceId> changed;  // resources, by records in front
    ring_.look_ahead([&](const Record& record) {
        if (changes_resource(record.type))
            changed.insert(resource_of(record.type, record.payload));
        else if (is_blob_call(record.type) && can_answer(record, changed))
            answer_ahead(record);
    });
    next_look_ns_ = monotonic_ns() + kLookInterval;
}

bool Worker::can_answer(const Record& record, const std::set<ResourceId>& changed) const {
    const ResourceId resource = resource_of(record.type, record.payload);
    if (changed.contains(resource) || held_.changes_resource(resource) ||
        answered_ahead_.contains(cookie_of(record.payload)))
        return false;
    const ObjectTables& objects = context_->objects();
    if (record.type != RecordType::kCreateBlob) return objects.has_resource(resource);
    const auto call = payload_as<transport::CreateBlob>(record.payload);
    return objects.is_unclaimed(call.blob_id) && !objects.has_resource(resource);
}

void Worker::answer_ahead(const Record& record) {
    answered_ahead_.insert(cookie_of(record.payload));
    dispatch(record);
}

// Its turn has come: true once for a record that was answered ahead.
bool Worker::was_answered_ahead(const Record& record) {
    return is_blob_call(record.type) && answered_ahead_.erase(cookie_of(record.payload)) != 0;
}

}  // namespace viaduct
