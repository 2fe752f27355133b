#include "core/catalog/catalog.h"

#include "core/state/state.pb.h"

namespace headgate {

std::string EncodeRecord(const ConnectorRecord& record) {
  stored::StoredConnector out;
  out.set_name(record.name);
  out.set_class_name(record.class_name);
  for (const auto& [key, value] : record.config) (*out.mutable_config())[key] = value;
  out.set_target(static_cast<std::uint32_t>(record.target));
  out.set_version(record.version);
  out.set_created_us(record.created_us);
  out.set_changed_us(record.changed_us);
  out.set_from_file(record.from_file);
  out.set_sink(record.kind == config::ComponentKind::kSink);
  return out.SerializeAsString();
}

std::optional<ConnectorRecord> DecodeRecord(std::string_view bytes) {
  stored::StoredConnector in;
  if (!in.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return std::nullopt;
  ConnectorRecord record;
  record.name = in.name();
  record.class_name = in.class_name();
  for (const auto& [key, text] : in.config()) record.config[key] = text;
  record.target = static_cast<TargetState>(in.target());
  record.version = in.version();
  record.created_us = in.created_us();
  record.changed_us = in.changed_us();
  record.from_file = in.from_file();
  record.kind = in.sink() ? config::ComponentKind::kSink : config::ComponentKind::kSource;
  return record;
}

Result<std::unique_ptr<Catalog>> Catalog::Open(Store& store) {
  auto catalog = std::unique_ptr<Catalog>(new Catalog(store));
  Records records;
  bool corrupt = false;
  HG_RETURN_IF_ERROR(store.Scan(Family::kCatalog, "", "", [&](std::string_view, std::string_view value) {
    auto record = DecodeRecord(value);
    corrupt = !record.has_value();
    if (corrupt) return false;
    const std::string name = record->name;
    records[name] = std::make_shared<const ConnectorRecord>(std::move(*record));
    return true;
  }));
  if (corrupt) return Corrupt("a connector record of the data directory " + store.directory() + " cannot be read");
  catalog->records_.Set(std::move(records));
  return catalog;
}

std::shared_ptr<const ConnectorRecord> Catalog::Find(std::string_view name) const {
  const auto records = records_.Get();
  const auto it = records->find(name);
  return it == records->end() ? nullptr : it->second;
}

Status Catalog::Put(ConnectorRecord record, StoreBatch& batch) {
  batch.Put(Family::kCatalog, record.name, EncodeRecord(record));
  HG_RETURN_IF_ERROR(store_.Write(batch, true));
  Records records = *records_.Get();
  records[record.name] = std::make_shared<const ConnectorRecord>(record);
  records_.Set(std::move(records));
  return Ok();
}

Status Catalog::Remove(const std::string& name, StoreBatch& batch) {
  batch.Delete(Family::kCatalog, name);
  HG_RETURN_IF_ERROR(store_.Write(batch, true));
  Records records = *records_.Get();
  records.erase(name);
  records_.Set(std::move(records));
  return Ok();
}

}  // namespace headgate
