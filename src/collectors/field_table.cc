#include "collectors/field_table.h"

#include <array>

namespace forager::collectors {
namespace {

using enum FieldKind;

constexpr TypeRule kCommunityTypes[] = {
    {"ApartmentComplex", 1},
    {"GatedResidenceCommunity", 1},
    {"ResidentialComplex", 1},
    {"HousingDevelopment", 1},
    {"Residence", 2},
    {"Place", 4},
    {"place", 4},
    {"website", kAnyPage},
};

constexpr FieldRule kCommunityFields[] = {
    {"name", kText, "name headline og:title"},
    {"city", kText,
     "address.addressLocality location.address.addressLocality business:contact_data:locality "
     "og:locality"},
    {"state", kText,
     "address.addressRegion location.address.addressRegion business:contact_data:region og:region"},
    {"postal_code", kText,
     "address.postalCode location.address.postalCode business:contact_data:postal_code "
     "og:postal-code"},
    {"address", kText,
     "address.streetAddress location.address.streetAddress business:contact_data:street_address "
     "og:street-address address"},
    {"phone", kPhone,
     "telephone contactPoint.telephone business:contact_data:phone_number og:phone_number"},
    {"email", kEmail, "email contactPoint.email business:contact_data:email og:email"},
    {"website", kUrl, "url og:url"},
    {"latitude", kNumber, "geo.latitude latitude place:location:latitude og:latitude"},
    {"longitude", kNumber, "geo.longitude longitude place:location:longitude og:longitude"},
    {"hoa_fee", kYearlyMoney,
     "additionalProperty.hoa_fee additionalProperty.annual_hoa_fee "
     "additionalProperty.hoa_fee_yearly additionalProperty.hoa"},
    {"monthly_fee", kMonthlyMoney,
     "additionalProperty.monthly_fee additionalProperty.hoa_fee_monthly "
     "additionalProperty.monthly_hoa_fee"},
    {"tax_rate", kNumber, "additionalProperty.tax_rate additionalProperty.property_tax_rate"},
    {"price_range_min", kRangeLow,
     "offers.lowPrice makesOffer.lowPrice priceRange additionalProperty.price_range"},
    {"price_range_max", kRangeHigh,
     "offers.highPrice makesOffer.highPrice priceRange additionalProperty.price_range"},
    {"homes", kInteger,
     "numberOfAccommodationUnits additionalProperty.homes additionalProperty.number_of_homes "
     "additionalProperty.home_sites"},
    {"founded_year", kYear,
     "foundingDate yearBuilt additionalProperty.founded_year additionalProperty.founded "
     "additionalProperty.year_built"},
    {"development_stage", kText, "additionalProperty.development_stage additionalProperty.stage"},
    {"availability_status", kWord,
     "additionalProperty.availability_status additionalProperty.availability offers.availability"},
    {"developer_name", kText,
     "developer.name additionalProperty.developer additionalProperty.developer_name brand.name "
     "parentOrganization.name"},
    {"school_district", kText, "additionalProperty.school_district"},
    {"elementary_school", kText, "additionalProperty.elementary_school"},
    {"middle_school", kText, "additionalProperty.middle_school"},
    {"high_school", kText, "additionalProperty.high_school"},
    {"amenities", kList, "amenityFeature.name amenityFeature"},
    {"about", kText, "description og:description"},
};

constexpr TypeRule kBuilderTypes[] = {
    {"HomeBuilder", 1},     {"GeneralContractor", 2}, {"HomeAndConstructionBusiness", 2},
    {"RealEstateAgent", 3}, {"LocalBusiness", 4},     {"business.business", 4},
    {"Corporation", 5},     {"Organization", 5},      {"company", 5},
    {"website", kAnyPage},
};

constexpr FieldRule kBuilderFields[] = {
    {"name", kText, "name og:title"},
    {"title", kText, "legalName alternateName"},
    {"website", kUrl, "url og:url"},
    {"phone", kPhone,
     "telephone contactPoint.telephone business:contact_data:phone_number og:phone_number"},
    {"email", kEmail, "email contactPoint.email business:contact_data:email og:email"},
    {"city", kText,
     "address.addressLocality location.address.addressLocality business:contact_data:locality "
     "og:locality"},
    {"state", kText,
     "address.addressRegion location.address.addressRegion business:contact_data:region og:region"},
    {"postal_code", kText,
     "address.postalCode location.address.postalCode business:contact_data:postal_code "
     "og:postal-code"},
    {"sales_office_address", kText,
     "address.streetAddress location.address.streetAddress business:contact_data:street_address "
     "og:street-address address"},
    {"headquarters_address", kText,
     "parentOrganization.address.streetAddress parentOrganization.address"},
    {"specialties", kList, "knowsAbout.name knowsAbout"},
    {"service_areas", kList, "areaServed.name areaServed"},
    {"founded_year", kYear,
     "foundingDate additionalProperty.founded parentOrganization.foundingDate"},
    {"rating", kNumber, "aggregateRating.ratingValue"},
    {"review_count", kInteger, "aggregateRating.reviewCount aggregateRating.ratingCount"},
    {"awards", kList, "award awards"},
    {"certifications", kList, "hasCredential.name hasCertification.name hasCredential"},
    {"about", kText, "description og:description"},
};

constexpr TypeRule kPropertyTypes[] = {
    {"RealEstateListing", 1},
    {"House", 1},
    {"SingleFamilyResidence", 1},
    {"Apartment", 1},
    {"Townhouse", 1},
    {"Condominium", 1},
    {"Accommodation", 2},
    {"FloorPlan", 2},
    {"Product", 3},
    {"product", 3},
    {"Offer", 4},
    {"Residence", 5},
    {"realestate.property", 5},
    {"website", kAnyPage},
};

constexpr FieldRule kPropertyFields[] = {
    {"builder", kText,
     "builder.name offers.seller.name offers.offeredBy.name seller.name offeredBy.name brand.name "
     "manufacturer.name provider.name additionalProperty.builder brand ^builder:name"},
    {"community", kText,
     "containedInPlace.name additionalProperty.community additionalProperty.community_name "
     "^community:name"},
    {"title", kText, "name headline og:title"},
    {"address1", kText,
     "address.streetAddress location.address.streetAddress og:street-address address"},
    {"city", kText, "address.addressLocality location.address.addressLocality og:locality"},
    {"state", kText, "address.addressRegion location.address.addressRegion og:region"},
    {"postal_code", kText, "address.postalCode location.address.postalCode og:postal-code"},
    {"price", kMoney,
     "offers.price offers.priceSpecification.price price offers.lowPrice product:price:amount "
     "og:price:amount"},
    {"bedrooms", kNumber, "numberOfBedrooms additionalProperty.bedrooms additionalProperty.beds"},
    {"bathrooms", kNumber,
     "numberOfBathroomsTotal numberOfBathrooms additionalProperty.bathrooms "
     "additionalProperty.baths numberOfFullBathrooms"},
    {"sqft", kNumber, "floorSize additionalProperty.sqft additionalProperty.square_feet"},
    {"lot_sqft", kNumber, "lotSize additionalProperty.lot_sqft additionalProperty.lot_size"},
    {"stories", kNumber, "numberOfFloors additionalProperty.stories floorLevel"},
    {"garage_spaces", kNumber,
     "additionalProperty.garage_spaces additionalProperty.garage additionalProperty.garages"},
    {"property_type", kWord, "accommodationCategory category additionalProperty.property_type"},
    {"listing_status", kWord,
     "additionalProperty.listing_status offers.availability availability product:availability"},
    {"lot_number", kText,
     "additionalProperty.lot_number additionalProperty.lot additionalProperty.homesite"},
    {"builder_plan_name", kText,
     "accommodationFloorPlan.name additionalProperty.floor_plan additionalProperty.plan_name "
     "additionalProperty.plan model.name model"},
    {"construction_stage", kText, "additionalProperty.construction_stage"},
    {"estimated_completion", kText,
     "additionalProperty.estimated_completion additionalProperty.completion_date "
     "availabilityStarts offers.availabilityStarts"},
    {"quick_move_in", kText, "additionalProperty.quick_move_in"},
    {"school_district", kText, "additionalProperty.school_district"},
    {"hoa_fee_monthly", kMonthlyMoney,
     "additionalProperty.hoa_fee_monthly additionalProperty.monthly_hoa_fee "
     "additionalProperty.monthly_hoa"},
    {"media_urls", kList,
     "image.url image.contentUrl image photo.contentUrl photo.url photo og:image"},
};

constexpr TypeRule kSalesRepTypes[] = {
    {"Person", 1},
    {"RealEstateAgent", 2},
    {"profile", 3},
};

constexpr FieldRule kSalesRepFields[] = {
    {"builder", kText,
     "worksFor.name affiliation.name memberOf.name parentOrganization.name brand.name worksFor "
     "^builder:name"},
    {"community", kText, "workLocation.name ^community:name"},
    {"first_name", kText, "givenName profile:first_name"},
    {"last_name", kText, "familyName profile:last_name"},
    {"title", kText, "jobTitle"},
    {"email", kEmail, "email contactPoint.email"},
    {"phone", kPhone, "telephone contactPoint.telephone"},
};

constexpr EntityRules kRules[] = {
    {"community", kCommunityTypes, kCommunityFields, "name"},
    {"builder", kBuilderTypes, kBuilderFields, "name"},
    {"property", kPropertyTypes, kPropertyFields, "title address1"},
    {"sales_rep", kSalesRepTypes, kSalesRepFields, "first_name last_name email"},
};

}  // namespace

std::span<const EntityRules> AllRules() { return kRules; }

const EntityRules* FindRules(std::string_view entity_type) {
  for (const EntityRules& rules : kRules) {
    if (rules.entity_type == entity_type) return &rules;
  }
  return nullptr;
}

}  // namespace forager::collectors
