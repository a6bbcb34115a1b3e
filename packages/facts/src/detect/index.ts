export { detect, detectKinds, sortKinds } from './detect.ts';
export {
  type DetectedKind,
  type DetectedKinds,
  type Detection,
  type DetectorDoubt,
  type Finding,
  PERSONAL_KINDS,
  type PersonalKind,
  SECRET_KINDS,
  type SecretKind,
} from './finding.ts';
export { openScanner, type Scanner } from './scanner.ts';
